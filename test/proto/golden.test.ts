// What was written once is read for as long as its version is, and a version never writes it otherwise.
import test from 'ava'
import { MESSAGE_TYPES, type MessageType, wrap } from '../../proto/envelope.js'
import { isWithin, VERSIONS } from '../../proto/version.js'
import { codecOf, EXAMPLES, meaningOf, readGolden } from './golden.js'

const NEW_VERSION =
  'Whoever has this version could not read it: leave its bytes as they are, raise `newest` in proto/version.ts, write the new form for that ' +
  'version alone, and add its golden messages by `npm run golden` (docs/design.md, Versions). Beats and broadcasts have no new form: add a field.'
const isPresence = (type: MessageType): boolean => type === 'beat' || type === 'broadcast'
const kept = readGolden()
const versions = Array.from({ length: VERSIONS.newest - VERSIONS.oldest + 1 }, (_, nth) => VERSIONS.oldest + nth)

for (const version of versions) {
  test(`every type has a golden message of version ${version}`, t => {
    for (const type of Object.keys(MESSAGE_TYPES))
      t.true(
        kept.some(golden => golden.version === version && golden.type === type),
        `${type} has none: add an example to test/proto/golden.ts, then npm run golden`,
      )
  })

  test(`version ${version} is written as it was`, t => {
    for (const { name, type, value } of EXAMPLES) {
      const golden = kept.find(each => each.version === version && each.name === name)
      const hex = Buffer.from(codecOf(type).encode(value, version)).toString('hex')
      t.is(hex, golden?.hex ?? 'no file: npm run golden', `${name}. ${NEW_VERSION}`)
    }
  })
}

test('what was written means what it meant', t => {
  t.true(kept.length >= EXAMPLES.length)
  for (const { version, name, type, means, hex } of kept) {
    // Those of a version that is dropped stay: beats and broadcasts are read for ever.
    if (!isWithin(version, VERSIONS) && !isPresence(type)) continue
    t.deepEqual(meaningOf(codecOf(type).decode(Buffer.from(hex, 'hex'))), means, `v${version} ${name}. ${NEW_VERSION}`)
  }
})

test('beats and broadcasts are read whatever version their envelope says, with fields that nobody here knows', t => {
  for (const { name, type, means, hex } of kept.filter(golden => isPresence(golden.type))) {
    const message = Buffer.from(hex, 'hex')
    message[2] = 200
    t.deepEqual(meaningOf(codecOf(type).decode(message)), means, name)
    // Field 200, a varint: from a later version.
    const body = Buffer.concat([message.subarray(8), Buffer.from([0xc0, 0x0c, 0x07])])
    t.deepEqual(meaningOf(codecOf(type).decode(wrap(type, body, 200))), means, name)
  }
})

// Messages of every type, each kept in golden/ as the bytes that a version writes and what they mean. In: messages, files. Out: files,
// messages. Always true: a file that is there is never written again.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MessageType } from '../../proto/envelope.js'
import { EMPTY_ITEMS, type Items, packValues, unpackItems } from '../../proto/items.js'
import type { ActiveJob } from '../../proto/presence.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'
import { VERSIONS } from '../../proto/version.js'
import { MESSAGE_CASES, type MessageCase } from './any-message.js'

// Tests run with the project's folder as their own.
const FOLDER = 'test/proto/golden'

export interface Golden {
  readonly version: number
  readonly name: string
  readonly type: MessageType
  readonly means: unknown
  readonly hex: string
}

export interface Example {
  readonly name: string
  readonly type: MessageType
  readonly value: unknown
}

const hash = (byte: string): string => byte.repeat(32)
const ref = { sha256: hash('a1'), sizeBytes: 70_000 }
const lease = { job: 'job-1', epoch: 2, shard: 300, attempt: 3 }
const text = { form: 'json', count: 2, text: Buffer.from('"é"\n[1,null]\n') } as const

const task = (items: Items | typeof ref) => ({ ...lease, start: 1e12, items, careful: true, timeBoxSeconds: 0.5 })

const FORMS: readonly (readonly [string, Items])[] = [
  ['range', { form: 'range', start: -5, step: 3, count: 7 }],
  ['f64', { form: 'f64', values: Float64Array.of(0.5, -1e300, 3) }],
  ['number', { form: 'number', values: Float64Array.of(1, 2.5) }],
  ['i64', { form: 'i64', values: BigInt64Array.of(-1n, 2n ** 62n) }],
  ['json', text],
  [
    'records',
    packValues([
      { n: 1.5, s: 'é', b: true },
      { n: 2, s: '', b: false },
    ]).items,
  ],
  ['none', EMPTY_ITEMS],
]

const report = {
  ...lease,
  agent: 'host-1',
  slot: 4,
  sequence: 5,
  start: 10,
  end: 15,
  values: text,
  failures: [
    { index: 11, reason: 'error', message: 'bad', stack: 'at f', stderr: 'tail' },
    ...(['crash', 'timeout'] as const).map((reason, nth) => ({ index: 12 + nth, reason, message: '' })),
  ],
  timing: Object.fromEntries(Object.keys(NO_SLOT_TIME).map((name, nth) => [name, (nth + 1) / 8])),
  last: true,
}

const active: ActiveJob = {
  job: 'job-1',
  epoch: 2,
  spec: ref,
  specContent: Uint8Array.of(1, 2, 3),
  version: 1,
  weight: 1,
  nextShard: 400,
  live: { from: 320, bits: Uint8Array.of(5, 0, 128), others: [{ shard: 300, attempt: 3 }] },
  recalled: [{ shard: 322, attempt: 1 }],
  finishing: true,
}

const spec = { job: 'job-1', name: 'f', operation: 'map', runner: 'node', entry: 'f.js', function: 'f', spread: false }
const wholeSpec = {
  ...spec,
  bundle: ref,
  init: 'begin',
  shared: { blob: ref, kind: 'bytes' },
  spread: true,
  timeoutSeconds: 2.5,
  concurrency: 8,
  takesRecords: true,
}
const command = { argv: ['gzip', '{}'], shell: true }
const fold = { ...spec, operation: 'fold', runner: 'python', mapper: 'g', shared: { blob: ref, kind: 'json' } }

const example = (name: string, type: MessageType, value: unknown): Example => ({ name, type, value })

export const EXAMPLES: readonly Example[] = [
  ...FORMS.map(([form, items]) => example(`items-${form}`, 'items', items)),
  ...FORMS.map(([form, items]) => example(`task-${form}`, 'task', task(items))),
  example('task-reference', 'task', task(ref)),
  example('report', 'report', report),
  example('report-given-back', 'report', {
    ...report,
    failures: [],
    values: EMPTY_ITEMS,
    givenBack: { start: 15, end: 20 },
  }),
  example('report-suspects', 'report', { ...report, suspects: { start: 13, end: 15 }, refusal: 'no such module' }),
  example('reports', 'reports', [Uint8Array.of(1, 2), Uint8Array.of(3)]),
  example('part', 'part', { sha256: hash('b2'), index: 1, count: 3, data: Uint8Array.of(9, 8, 7) }),
  example('beat', 'beat', {
    agent: 'host-1',
    host: 'höst',
    sequence: 77,
    slots: 8,
    draining: true,
    held: [{ ...lease, started: true, reported: false }],
    versions: { oldest: 1, newest: 2 },
    program: '0.1.0',
  }),
  example('broadcast', 'broadcast', {
    coordinator: 'c-1',
    sequence: 78,
    jobs: [active],
    closing: true,
    versions: { oldest: 1, newest: 2 },
    program: '0.1.0',
  }),
  example('beat-labels', 'beat', {
    agent: 'host-1',
    host: 'höst',
    sequence: 78,
    slots: 2,
    draining: false,
    held: [],
    versions: { oldest: 1, newest: 1 },
    program: '0.1.0',
    labels: ['gpu', 'site=a', 'host=höst'],
    wishedMs: 1.7e12,
  }),
  example('broadcast-shares', 'broadcast', {
    coordinator: 'c-1',
    sequence: 79,
    jobs: [
      { ...active, weight: 1000, priority: -3, putAside: ['host-2'] },
      { ...active, job: 'job-2', needs: ['gpu', 'site=a'] },
    ],
    closing: false,
    versions: { oldest: 1, newest: 1 },
    program: '0.1.0',
    wishes: [
      { agent: 'host-1', drain: true },
      { agent: 'host-2', drain: false, slots: { count: 4, askedMs: 1.7e12 } },
    ],
  }),
  example('jobSpec', 'jobSpec', wholeSpec),
  example('jobSpec-fold', 'jobSpec', fold),
  example('jobSpec-exec', 'jobSpec', { ...spec, runner: 'exec', entry: '', function: '', command }),
  example('bundle', 'bundle', [{ path: 'lib/f.js', content: Buffer.from('export default 1\n') }]),
  example('blobRequest', 'blobRequest', {
    coordinator: 'c-1',
    sha256: hash('c3'),
    offsetBytes: 65_536,
    limitBytes: 4096,
  }),
  example('blobChunk', 'blobChunk', { sizeBytes: 70_000, data: Uint8Array.of(4, 5, 6) }),
  example('blobChunk-missing', 'blobChunk', { sizeBytes: 0, data: undefined }),
]

export const codecOf = (type: MessageType): MessageCase<unknown>['codec'] => {
  const found = MESSAGE_CASES.find(known => known.type === type)
  if (found === undefined) throw new Error(`no codec of ${type} is known here`)
  return found.codec
}

/** A message as JSON: packed values with their kind, records as the objects that they are. */
export const meaningOf = (value: unknown): unknown => {
  if (typeof value === 'bigint') return `${value}`
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (value instanceof Float64Array) return { doubles: Array.from(value) }
  if (value instanceof BigInt64Array) return { integers: Array.from(value, String) }
  if (Array.isArray(value)) return value.map(meaningOf)
  if (typeof value !== 'object' || value === null) return value
  if ('form' in value && value.form === 'records') return { form: 'records', values: unpackItems(value as Items) }
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(entries.map(([key, inner]) => [key, meaningOf(inner)]))
}

export const readGolden = (): readonly Golden[] =>
  readdirSync(FOLDER).flatMap(folder =>
    readdirSync(join(FOLDER, folder)).map(
      file => JSON.parse(readFileSync(join(FOLDER, folder, file), 'utf8')) as Golden,
    ),
  )

/** Writes what is not there of the newest version; returns the names. */
export const writeGolden = (): string[] => {
  const version = VERSIONS.newest
  mkdirSync(join(FOLDER, `v${version}`), { recursive: true })
  return EXAMPLES.flatMap(({ name, type, value }) => {
    const file = join(FOLDER, `v${version}`, `${name}.json`)
    if (existsSync(file)) return []
    const hex = Buffer.from(codecOf(type).encode(value, version)).toString('hex')
    const golden: Golden = { version, name, type, means: meaningOf(value), hex }
    writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`)
    return [file]
  })
}

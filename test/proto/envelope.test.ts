import { crc32 } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { isOfType, MESSAGE_TYPES, MessageError, type MessageType, seal, unwrap, wrap } from '../../proto/envelope.js'
import { VERSIONS } from '../../proto/version.js'

const body = Buffer.from('a body')

test('what was wrapped is unwrapped', t => {
  for (const type of Object.keys(MESSAGE_TYPES) as MessageType[]) {
    const message = wrap(type, body)
    t.true(isOfType(type, message))
    t.deepEqual(Buffer.from(unwrap(type, message)), body)
  }
})

test('no two types of messages have one byte', t => {
  t.is(new Set(Object.values(MESSAGE_TYPES)).size, Object.keys(MESSAGE_TYPES).length)
})

test('a message says what is wrong with it', t => {
  const message = wrap('task', body)
  const wrong = (at: number, byte: number): Uint8Array => {
    const copy = Uint8Array.from(message)
    copy[at] = byte
    return copy
  }
  t.throws(() => unwrap('task', message.subarray(0, 7)), { message: 'a message of 7 bytes has no envelope' })
  t.throws(() => unwrap('task', wrong(0, 0)), { message: 'not a manyhands message' })
  t.throws(() => unwrap('task', wrong(2, 9)), { message: 'version 9; this side reads 1' })
  t.throws(() => unwrap('report', message), { message: 'type 1 where report was expected' })
  t.throws(() => unwrap('task', wrong(9, 0)), { message: 'the checksum does not match the body' })
  t.throws(() => unwrap('task', message.subarray(0, 12)), { instanceOf: MessageError })
})

test('one bit that is turned anywhere is seen', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), (content, at) => {
      const message = Uint8Array.from(wrap('beat', content))
      const bit = at % (message.byteLength * 8)
      message[bit >> 3] = (message[bit >> 3] as number) ^ (1 << (bit & 7))
      try {
        unwrap('beat', message)
      } catch (error) {
        return error instanceof MessageError
      }
      return false
    }),
    { numRuns: 5000 },
  )
  t.pass()
})

test('a message inside a larger buffer is read where it stands', t => {
  const message = wrap('task', body)
  const larger = Buffer.concat([Buffer.alloc(3, 1), message, Buffer.alloc(5, 2)])
  t.deepEqual(Buffer.from(unwrap('task', larger.subarray(3, 3 + message.byteLength))), body)
})

test('a large message that was made here is taken as it is; a copy of it, as from a wire, is checked', t => {
  const message = wrap('report', new Uint8Array(100_000).fill(7))
  const copy = Uint8Array.from(message)
  t.notThrows(() => unwrap('report', message))
  t.notThrows(() => unwrap('report', copy))
  copy[50_000] = 8
  t.throws(() => unwrap('report', copy), { message: 'the checksum does not match the body' })
})

test('a checksum that is known of the end of a body gives the same message', t => {
  const body = Buffer.alloc(70_000, 'values')
  const message = Buffer.concat([Buffer.alloc(8), body])
  const bytes = 65_536
  seal('report', message, VERSIONS.newest, { checksum: crc32(body.subarray(body.length - bytes)), bytes })
  t.deepEqual(message, Buffer.from(wrap('report', body)))
})

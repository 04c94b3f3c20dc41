import test from 'ava'
import fc from 'fast-check'
import { isOfType, MESSAGE_TYPES, MessageError, type MessageType, unwrap, wrap } from '../../proto/envelope.js'

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
  t.throws(() => unwrap('task', wrong(2, 9)), { message: 'version 9; this side reads 1 to 1' })
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

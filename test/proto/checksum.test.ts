import { crc32 } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { joinChecksums } from '../../proto/checksum.js'

test('the checksum of two parts is that of the whole, wherever it is cut', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(), (bytes, place) => {
      const cut = place % (bytes.length + 1)
      const [front, back] = [bytes.subarray(0, cut), bytes.subarray(cut)]
      return joinChecksums(crc32(front), crc32(back), back.length) === crc32(bytes)
    }),
  )
  const large = Buffer.alloc(3_000_001, 'what is large')
  t.is(joinChecksums(crc32(large.subarray(0, 7)), crc32(large.subarray(7)), large.length - 7), crc32(large))
})

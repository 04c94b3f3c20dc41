import { crc32 } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { encodeFrame, type Frame, FrameError, FrameReader } from '../../agent/frame.js'
import { rememberedChecksum } from '../../proto/checksum.js'
import { packValues, unpackItems } from '../../proto/items.js'

const TYPES = [1, 2, 3]

const frames: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom(...TYPES),
  id: fc.nat(),
  last: fc.boolean(),
  meta: fc.dictionary(fc.constantFrom('a', 'b', 'é'), fc.oneof(fc.string(), fc.integer())),
  items: fc.oneof(
    fc.constant({ form: 'range', start: -5, step: 3, count: 9 } as const),
    fc.array(fc.double(), { maxLength: 40 }).map(all => ({ form: 'f64', values: Float64Array.from(all) }) as const),
    fc
      .array(fc.double(), { maxLength: 4000 })
      .map(all => ({ form: 'number', values: Float64Array.from(all) }) as const),
    fc
      .array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))
      .map(all => ({ form: 'i64', values: BigInt64Array.from(all) }) as const),
    fc
      .array(fc.record({ a: fc.integer(), b: fc.string(), c: fc.array(fc.boolean()) }), {
        minLength: 1,
        maxLength: 400,
      })
      .map(all => packValues(all).items),
    fc.array(fc.nat()).map(
      all =>
        ({
          form: 'json',
          count: all.length,
          text: new Uint8Array(Buffer.from(all.map(x => `${x}\n`).join(''))),
        }) as const,
    ),
  ),
})

const bytesOf = (all: readonly Frame[]): Buffer => Buffer.concat(all.flatMap(encodeFrame))

const plain = (frame: Frame): unknown => {
  const { items: _, ...meta } = frame.meta
  return { ...frame, meta: { ...meta }, items: frame.items && [frame.items.form, ...unpackItems(frame.items)] }
}

const cutInto = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 })

test('frames arrive as they were sent, however the stream is cut', t => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 6 }), sizes, (all, cuts) => {
      const reader = new FrameReader(TYPES)
      const got = cutInto(bytesOf(all), cuts).flatMap(chunk => [...reader.read(chunk)])
      t.deepEqual(got.map(plain), all.map(plain))
      t.false(reader.midFrame)
    }),
    { numRuns: 150 },
  )
  t.pass()
})

test('where frames are passing, each is right until the next is asked for, and a large body is wanted in its own place', t => {
  const large = (seed: number): Frame => {
    const values = Float64Array.from({ length: 50_000 }, (_, at) => seed + at)
    return { type: 1, id: seed, last: false, meta: {}, items: { form: 'f64', values } }
  }
  const small: Frame = {
    type: 2,
    id: 7,
    last: true,
    meta: { a: 1 },
    items: { form: 'json', count: 1, text: Buffer.from('1\n') },
  }
  const all = [large(1), small, large(2), small, small]
  const bytes = bytesOf(all)
  const reader = new FrameReader(TYPES, { passing: true })
  const memories = new Set<unknown>()
  let seen = 0
  for (let at = 0; at < bytes.length; ) {
    // As the socket does: into the place that is wanted, or into memory of its own.
    const target = reader.target
    const chunk = target ?? new Uint8Array(3000)
    if (target !== undefined) memories.add(target.buffer)
    const taken = bytes.copy(chunk, 0, at, at + Math.min(chunk.length, 7777))
    at += taken
    for (const frame of reader.read(chunk.subarray(0, taken))) t.deepEqual(plain(frame), plain(all[seen++] as Frame))
  }
  t.is(seen, all.length)
  t.is(memories.size, 1)
})

test('the checksum of many values is remembered as that of the values alone', t => {
  const values = Float64Array.from({ length: 5000 }, Math.sqrt)
  const frame: Frame = { type: 1, id: 1, last: false, meta: {}, items: { form: 'f64', values } }
  const [got] = new FrameReader(TYPES).read(bytesOf([frame]))
  t.is(rememberedChecksum((got as Required<Frame>).items), crc32(new Uint8Array(values.buffer)))
})

test('a stream with anything changed gives the frames before it and then a FrameError, or waits', t => {
  let errors = 0
  fc.assert(
    fc.property(
      fc.array(frames, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      sizes,
      (all, place, change, cuts) => {
        const bytes = bytesOf(all)
        const at = place % bytes.length
        bytes[at] = (bytes[at] as number) ^ change
        const reader = new FrameReader(TYPES, { limitBytes: 1 << 20 })
        const got: Frame[] = []
        try {
          for (const chunk of cutInto(bytes, cuts)) for (const frame of reader.read(chunk)) got.push(frame)
          t.true(reader.midFrame)
        } catch (error) {
          errors += 1
          t.true(error instanceof FrameError, String(error))
          t.throws(() => [...reader.read(new Uint8Array(1))], { instanceOf: FrameError })
        }
        t.true(got.length < all.length)
        t.deepEqual(got.map(plain), all.slice(0, got.length).map(plain))
      },
    ),
    { numRuns: 300 },
  )
  t.true(errors > 100)
})

test("bytes that are nobody's frames never end in anything but a FrameError", t => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), chunks => {
      const reader = new FrameReader(TYPES)
      try {
        for (const chunk of chunks) for (const _ of reader.read(chunk)) t.fail('a frame out of noise')
      } catch (error) {
        t.true(error instanceof FrameError)
      }
    }),
  )
  t.pass()
})

test('records that do not add up are a FrameError', t => {
  const { items } = packValues([{ a: 1, b: 'x' }])
  const bytes = bytesOf([{ type: 1, id: 1, last: false, meta: {}, items }])
  // Behind the header, the description and its length stands how many there are.
  const countAt = 20 + 8
  t.is(bytes.readUInt32LE(countAt), 1)
  bytes.writeUInt32LE(7, countAt)
  bytes.writeUInt32LE(crc32(bytes.subarray(20), crc32(bytes.subarray(0, 16))), 16)
  t.throws(() => [...new FrameReader(TYPES).read(bytes)], { instanceOf: FrameError, message: /7 numbers in 8 bytes/ })
})

test('a frame over the cap is refused by its header, before its body came', t => {
  const bytes = bytesOf([{ type: 1, id: 1, last: false, meta: { a: 'x'.repeat(2000) } }])
  t.throws(() => [...new FrameReader(TYPES, { limitBytes: 1000 }).read(bytes.subarray(0, 20))], {
    instanceOf: FrameError,
    message: /over 1000/,
  })
})

test('a frame of a type that this side is not sent is refused', t => {
  const bytes = bytesOf([{ type: 20, id: 1, last: false, meta: {} }])
  t.throws(() => [...new FrameReader(TYPES).read(bytes)], { instanceOf: FrameError, message: /type 20/ })
})

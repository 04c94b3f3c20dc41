// A picture of the Mandelbrot set: the rows are computed on all cores, and put together into a PNG here.
//
//   node dist/examples/mandelbrot.js mandelbrot.png 1600 1200
//
// In: a file name, width and height. Out: the file, and on standard error what the cores did.
// Rows come in order while later ones are still being computed, and are compressed meanwhile. What is computed stands in
// mandelbrot-row.ts.
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { crc32, createDeflate } from 'node:zlib'
import { fromModule, Pool, range } from 'manyhands'
// Types only: this program never runs the function itself.
import type { default as row, View } from './mandelbrot-row.js'

const [file = 'mandelbrot.png', width = '1600', height = '1200'] = process.argv.slice(2)
const view: View = { width: Number(width), height: Number(height), re: -0.65, im: 0, span: 3.2, limit: 1000 }

/** A PNG's chunk: length, type, content, checksum of type and content. */
function chunk(type: string, content: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const framed = Buffer.alloc(named.length + 8)
  framed.writeUInt32BE(content.length)
  named.copy(framed, 4)
  framed.writeUInt32BE(crc32(named), named.length + 4)
  return framed
}

function header({ width, height }: View): Buffer {
  const content = Buffer.alloc(13)
  content.writeUInt32BE(width, 0)
  content.writeUInt32BE(height, 4)
  // 8 bits a sample, RGB, and the only compression, filtering and (no) interlacing there are.
  content.set([8, 2, 0, 0, 0], 8)
  return chunk('IHDR', content)
}

await using pool = new Pool()
await using png = await open(file, 'w')
await png.write(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
await png.write(header(view))

// By reference, because the function uses what stands around it in its module. `view` goes to each worker once, not with
// each row. The compiled module stands beside this one.
const module = new URL('./mandelbrot-row.js', import.meta.url)
const rows = pool.imap(fromModule<typeof row>(module), range(view.height), { init: 'init', shared: view })

await pipeline(
  async function* filtered() {
    // Each row of a PNG begins with the number of its filter; 0 is none.
    for await (const pixels of rows) yield Buffer.concat([Buffer.of(0), pixels])
  },
  createDeflate(),
  async function write(compressed: AsyncIterable<Buffer>) {
    for await (const piece of compressed) await png.write(chunk('IDAT', piece))
  },
)
await png.write(chunk('IEND', Buffer.alloc(0)))

const receipt = pool.receipt
if (receipt !== undefined) {
  console.error(
    `${file}: ${receipt.items} rows in ${receipt.wall_seconds.toFixed(2)} s on ${receipt.slots} slots, ` +
      `${receipt.speedup.toFixed(2)} times as fast as one core`,
  )
}

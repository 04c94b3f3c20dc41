// Piscina with two threads, its items cut into `how` chunks by hand: item by item it would take 35 us each.
// The first argument is where Piscina is installed. With further ones (job, from, count, chunks), one map in a process.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { spin } from '../functions.js'
import { type Measure, type StationRequest, serveStation } from './protocol.js'

interface Piscina {
  run(task: unknown): Promise<number[]>
  destroy(): Promise<void>
}
type PiscinaClass = new (options: { filename: string; minThreads: number; maxThreads: number }) => Piscina

const [folder = '', job, from, count, chunks] = process.argv.slice(2)
const { Piscina } = createRequire(`${folder}/package.json`)('piscina') as { Piscina: PiscinaClass }
const filename = fileURLToPath(new URL('./piscina-thread.js', import.meta.url))
const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2 })

const measure: Measure = async request => {
  const items = Array.from({ length: request.count }, (_, nth) =>
    request.job === 'spin' ? (request.turns ?? 0) : request.from + nth,
  )
  const size = Math.ceil(items.length / Number(request.how ?? 16))
  const began = performance.now()
  const parts: Promise<number[]>[] = []
  for (let at = 0; at < items.length; at += size)
    parts.push(pool.run({ job: request.job, items: items.slice(at, at + size) }))
  const values = (await Promise.all(parts)).flat()
  return { seconds: (performance.now() - began) / 1000, values }
}

if (job === undefined) await serveStation(measure, spin, () => pool.destroy())
else {
  const request = { job: job as StationRequest['job'], from: Number(from), count: Number(count), how: chunks ?? '16' }
  const { values } = await measure(request)
  if (values.length !== request.count) process.exitCode = 1
  await pool.destroy()
}

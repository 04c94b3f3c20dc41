// Our pool, warm: local, or on the agents of the NATS server that the argument names.
import { fromModule, Pool, range } from '../../coordinator/map.js'
import { spin } from '../functions.js'
import { serveStation } from './protocol.js'

const SLOTS = 2
const [nats] = process.argv.slice(2)
const pool = new Pool(nats === undefined ? { slots: SLOTS } : { nats })
const module = new URL('../functions.js', import.meta.url)

await serveStation(
  async ({ job, from, count, turns, how }) => {
    const fn = fromModule<(item: number) => number>(module, job)
    const items = job === 'spin' ? new Float64Array(count).fill(turns ?? 0) : range(from, from + count)
    const began = performance.now()
    const values = how === 'boxed' ? await pool.map(fn, items) : await pool.map(fn, items, { as: 'f64' })
    const seconds = (performance.now() - began) / 1000
    const efficiency = pool.receipt?.efficiency
    return { seconds, values, ...(efficiency !== undefined && { efficiency }) }
  },
  spin,
  () => pool.close(),
)

// A plain loop in Node: what every pool is measured against.
import { noop, spin, sqrt } from '../functions.js'
import { serveStation } from './protocol.js'

const functions = { spin, noop, sqrt }

await serveStation(
  async ({ job, from, count, turns }) => {
    const fn = functions[job]
    const items = Array.from({ length: count }, (_, nth) => (job === 'spin' ? (turns ?? 0) : from + nth))
    const began = performance.now()
    const values = items.map(item => fn(item))
    return { seconds: (performance.now() - began) / 1000, values }
  },
  spin,
  async () => {},
)

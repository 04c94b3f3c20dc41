// What runs in Piscina's threads: one chunk.
import { noop, spin, sqrt } from '../functions.js'

const functions = { spin, noop, sqrt }

export default ({ job, items }: { job: keyof typeof functions; items: number[] }): number[] => {
  const fn = functions[job]
  return items.map(item => fn(item))
}

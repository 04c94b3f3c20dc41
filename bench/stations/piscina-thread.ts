// What runs in Piscina's threads: one item, or one chunk.
import { FUNCTIONS } from '../items.js'
import type { Task } from './node-pools.js'

export default ({ job, item, chunk }: Task): unknown => {
  const fn = FUNCTIONS[job] as (item: unknown) => unknown
  return chunk === undefined ? fn(item) : chunk.map(each => fn(each))
}

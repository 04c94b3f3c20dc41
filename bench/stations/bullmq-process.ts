// What runs in BullMQ's sandboxed processes: one item.
import type { Task } from './node-pools.js'
import work from './piscina-thread.js'

export default async (job: { readonly data: Task }): Promise<unknown> => work(job.data)

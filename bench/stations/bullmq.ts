// BullMQ: a queue in Redis, two sandboxed processes, a job for each item. Arguments: where the packages are, Redis's port.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Measure, serveStation } from './protocol.js'

interface Connection {
  readonly host: string
  readonly port: number
  readonly maxRetriesPerRequest: null
}
interface BullJob {
  readonly data: { readonly nth: number }
}
interface BullModule {
  readonly Queue: new (
    name: string,
    options: { connection: Connection },
  ) => { addBulk(jobs: readonly object[]): Promise<unknown>; close(): Promise<void> }
  readonly Worker: new (
    name: string,
    file: string,
    options: { connection: Connection; concurrency: number },
  ) => {
    waitUntilReady(): Promise<unknown>
    on(event: 'completed', listener: (job: BullJob, value: unknown) => void): void
    on(event: 'failed', listener: (job: BullJob | undefined, error: Error) => void): void
    close(): Promise<void>
  }
}

/** Jobs that go to Redis in one command. */
const BULK = 1000
const [folder = '', port] = process.argv.slice(2)
const { Queue, Worker } = createRequire(`${folder}/package.json`)('bullmq') as BullModule
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }
const name = `bench-${process.pid}`
const queue = new Queue(name, { connection })
const file = fileURLToPath(new URL('./bullmq-process.js', import.meta.url))
const worker = new Worker(name, file, { connection, concurrency: 2 })
await worker.waitUntilReady()

let onCompleted: (nth: number, value: unknown) => void = () => {}
worker.on('completed', (job, value) => onCompleted(job.data.nth, value))
worker.on('failed', (_, error) => {
  throw error
})

const measure: Measure = async ({ job }, makeItems) => {
  const items = makeItems()
  const began = performance.now()
  const values: unknown[] = new Array(items.length)
  let left = items.length
  const done = new Promise<void>(resolve => {
    onCompleted = (nth, value) => {
      values[nth] = value
      if (--left === 0) resolve()
    }
  })
  const jobs = items.map((item, nth) => ({ name: job, data: { nth, job, item }, opts: { removeOnComplete: true } }))
  for (let at = 0; at < jobs.length; at += BULK) await queue.addBulk(jobs.slice(at, at + BULK))
  await done
  return { seconds: (performance.now() - began) / 1000, values }
}

await serveStation(measure, async () => {
  await worker.close()
  await queue.close()
})

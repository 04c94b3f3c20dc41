// The thread pools for Node that people would take instead, with two threads. Arguments: which one, and where the packages
// are. Items go one by one, or in so many chunks, cut by hand.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Job } from '../items.js'
import { type Measure, serveStation } from './protocol.js'

export interface Task {
  readonly job: Job
  readonly item?: unknown
  readonly chunk?: readonly unknown[]
}

interface ThreadPool {
  run(task: Task): Promise<unknown>
  close(): Promise<unknown>
}

const [name = '', folder = ''] = process.argv.slice(2)
const load = createRequire(`${folder}/package.json`)
const threadFile = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

interface PiscinaModule {
  readonly Piscina: new (options: {
    filename: string
    minThreads: number
    maxThreads: number
  }) => { run(task: Task): Promise<unknown>; destroy(): Promise<void> }
}

interface PoolifierModule {
  readonly FixedThreadPool: new (
    threads: number,
    file: string,
    options: { workerOptions: { argv: string[] } },
  ) => { execute(task: Task): Promise<unknown>; destroy(): Promise<void> }
}

const openPiscina = (): ThreadPool => {
  const { Piscina } = load('piscina') as PiscinaModule
  const pool = new Piscina({ filename: threadFile('./piscina-thread.js'), minThreads: 2, maxThreads: 2 })
  return { run: task => pool.run(task), close: () => pool.destroy() }
}

const openPoolifier = (): ThreadPool => {
  const { FixedThreadPool } = load('poolifier') as PoolifierModule
  const pool = new FixedThreadPool(2, threadFile('./poolifier-thread.js'), { workerOptions: { argv: [folder] } })
  return { run: task => pool.execute(task), close: () => pool.destroy() }
}

const pool = name === 'piscina' ? openPiscina() : openPoolifier()

const measure: Measure = async ({ job, chunks }, makeItems) => {
  const items = makeItems()
  const began = performance.now()
  let values: unknown[]
  if (chunks === undefined) values = await Promise.all(items.map(item => pool.run({ job, item })))
  else {
    const size = Math.ceil(items.length / chunks)
    const parts: Promise<unknown>[] = []
    for (let at = 0; at < items.length; at += size) parts.push(pool.run({ job, chunk: items.slice(at, at + size) }))
    values = (await Promise.all(parts)).flat()
  }
  return { seconds: (performance.now() - began) / 1000, values }
}

await serveStation(measure, () => pool.close())

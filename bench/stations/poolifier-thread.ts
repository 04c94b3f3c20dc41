// What runs in poolifier's threads; the argument is where its package is.
import { createRequire } from 'node:module'
import type { Task } from './node-pools.js'
import work from './piscina-thread.js'

type Worker = new (work: (task: Task) => unknown) => object

const { ThreadWorker } = createRequire(`${process.argv[2]}/package.json`)('poolifier') as { ThreadWorker: Worker }

export default new ThreadWorker(task => work(task))

// Where the system cannot kill a worker with its agent, a thread of the worker looks after it: the main thread may be in the
// user's loop for ever. In: the environment (the agent says whether it is needed). Out: nothing, or the end of the process.
import { WATCH_PARENT } from './environment.js'

const WATCHER = `
const parent = process.ppid
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 500)
`

export const watchParent = (): void => {
  if (process.env[WATCH_PARENT] !== '1') return
  void import('node:worker_threads').then(({ Worker }) => new Worker(WATCHER, { eval: true }).unref())
}

// The languages: how a worker of each is started. In: a runner's name. Out: a command line for the worker's process.
// A new language is one file and one line here; what its child has to speak is in docs/worker-protocol.md.
import type { RunnerName } from '../../proto/shard.js'
import { execRunner } from './exec/exec.js'
import { nodeRunner } from './node/node.js'
import { pythonRunner } from './python/python.js'
import type { Runner } from './start.js'

export const RUNNERS: Record<RunnerName, Runner> = {
  node: nodeRunner,
  python: pythonRunner,
  exec: execRunner,
}

// The languages: how a worker of each is started. In: a runner's name. Out: a command line for the worker's process.
// A new language is one file and one line here; what its child has to speak is in docs/worker-protocol.md.
import type { RunnerName } from '../../proto/shard.js'
import { execRunner } from './exec/exec.js'
import { nodeRunner } from './node/node.js'
import { pythonRunner } from './python/python.js'

export interface Runner {
  /** The command line; throws an Error that says what is missing on this host. */
  command(environment: NodeJS.ProcessEnv): readonly [string, ...string[]]
  /** The user's code may keep the child from seeing that the agent died, so the system should kill it. */
  readonly diesWithAgent: boolean
}

export const RUNNERS: Record<RunnerName, Runner> = {
  node: nodeRunner,
  python: pythonRunner,
  exec: execRunner,
}

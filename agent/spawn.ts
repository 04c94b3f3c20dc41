// A worker's process. In: a runner and a folder to run in. Out: the process, alone in its group, with the protocol's socket at
// descriptor 3 and the progress file at 4. Always true: where the system can, it dies with the agent; where it cannot, it is
// told to watch for that itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import type { RunnerName } from '../proto/shard.js'
import { IN_WORKER, WATCH_PARENT } from './runner/environment.js'
import { lookUp } from './runner/path.js'
import { RUNNERS } from './runner/runner.js'

/** setpriv of util-linux; those of small systems, all of whose tools are one program, cannot do it. To try it would take as long as a start. */
const findGuard = (): readonly string[] => {
  const setpriv = process.platform === 'linux' ? lookUp('setpriv', process.env.PATH) : undefined
  if (setpriv === undefined) return []
  return /box$/.test(realpathSync(setpriv)) ? [] : [setpriv, '--pdeathsig', 'KILL', '--']
}

let guardFound: readonly string[] | undefined
const guard = (): readonly string[] => {
  guardFound ??= findGuard()
  return guardFound
}

/** Throws where the host lacks what the runner needs; what the system refuses comes as the process's `error` event. */
export const spawnWorker = (runner: RunnerName, cwd: string, progressDescriptor: number): ChildProcess => {
  const { command, diesWithAgent } = RUNNERS[runner]
  // NODE_OPTIONS are for the agent: an inspector's port or a loader would be in the way here.
  const { NODE_OPTIONS: _, ...environment } = process.env
  const [file, ...args] = [...(diesWithAgent ? guard() : []), ...command(environment, cwd)] as [string, ...string[]]
  const watch = diesWithAgent && guard().length === 0
  return spawn(file, args, {
    cwd,
    env: { ...environment, [IN_WORKER]: '1', ...(watch ? { [WATCH_PARENT]: '1' } : {}) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', progressDescriptor],
  })
}

/** The worker and whatever it started that stayed in its group. */
export const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}

// A process as another one can recognise it, later and after a restart of the machine. In: a process's number. Out: a mark,
// and whether it is still alive. Always true: on Linux a number that was given to another process since is not taken for it.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

export interface Process {
  readonly host: string
  readonly pid: number
  /** When it started, in ticks since the machine did, and which start of the machine that was; where the system tells. */
  readonly started?: string
}

/** The third and the 22nd field of /proc/<pid>/stat; the second one, the name, may hold anything. */
const told = (pid: number): { readonly state: string; readonly started: string } | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return { state: fields[0] as string, started: `${boot} ${fields[19]}` }
  } catch {
    return undefined
  }
}

export const thisProcess = (): Process => {
  const started = told(process.pid)?.started
  return { host: hostname(), pid: process.pid, ...(started !== undefined && { started }) }
}

/** One of another host counts as alive: it cannot be asked. */
export const isAlive = ({ host, pid, started }: Process): boolean => {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = told(pid)
  // One that has ended stays in the list until its parent has heard of it.
  if (now !== undefined && 'ZX'.includes(now.state)) return false
  return started === undefined || now === undefined || now.started === started
}

// To be replaced by the real one.
import type { Log } from '../../proto/log.js'
import type { Desk } from './desk.js'

export interface DaemonOptions {
  readonly nats: string
  readonly insecure: boolean
  readonly replicas: number
  readonly name?: string
  readonly keepJobs?: number
  readonly log: Log
}

export interface Daemon {
  readonly name: string
  readonly desk: Desk
  readonly ended: Promise<Error | undefined>
  close(): Promise<void>
}

export const openDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  throw new Error(`no daemon at ${options.nats}`)
}

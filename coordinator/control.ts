// To be replaced by the real one.
import type { Log } from '../proto/log.js'
import type { Desk } from './serve/desk.js'

export interface Control {
  readonly address: string
  close(graceSeconds: number): Promise<void>
}

export const openControl = async (
  _desk: Desk,
  options: { readonly host: string; readonly port: number; readonly log: Log },
): Promise<Control> => {
  throw new Error(`nobody listens at ${options.host}:${options.port}`)
}

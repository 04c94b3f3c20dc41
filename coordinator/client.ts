// To be replaced by the real one.
import { type Desk, DeskError } from './serve/desk.js'

export interface DeskClient extends Desk {
  close(): void
}

export const openClient = async (addresses: string): Promise<DeskClient> => {
  throw new DeskError('UNREACHABLE', `no daemon answers at ${addresses}`)
}

// What comes on a worker's socket, read into memory that is used again: Node would take fresh memory for each 64 KiB, and that
// costs more than what is read into it. In: the socket of a child's descriptor 3. Out: its bytes, in order, and its end.
// Always true: bytes hold until the handler returns; where Node does not let go of the socket's handle, it reads as usual.
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Duplex } from 'node:stream'

/** More than a socket's buffer holds at once: one read empties it. */
const CHUNK_BYTES = 256 * 1024

export interface InflowHandlers {
  readonly onBytes: (bytes: Uint8Array) => void
  readonly onEnd: () => void
  /** Where the next bytes are wanted, unless that is nowhere in particular. */
  readonly target: () => Uint8Array | undefined
}

interface Handled {
  _handle?: { useUserBuffer?: unknown } | null
}

/** Returns the socket to write to. */
export const readInflow = (socket: Duplex, { onBytes, onEnd, target }: InflowHandlers): Duplex => {
  const handle = (socket as Handled)._handle
  if (typeof handle?.useUserBuffer !== 'function') {
    socket.on('data', onBytes)
    socket.on('end', onEnd)
    socket.on('error', () => {})
    return socket
  }
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  const onread = {
    buffer: () => target() ?? chunk,
    callback: (bytes: number, buffer: Uint8Array) => {
      onBytes(buffer.subarray(0, bytes))
      return true
    },
  }
  ;(socket as Handled)._handle = null
  const own = new Socket({ handle, onread, readable: true, writable: true } as unknown as SocketConstructorOpts)
  own.on('end', onEnd)
  own.on('error', () => {})
  // The child has ended when all its streams have.
  own.on('close', () => socket.destroy())
  socket.on('close', () => own.destroy())
  own.resume()
  return own
}

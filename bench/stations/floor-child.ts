// A child of the bare floor, on descriptor 3: doubles in, doubles out.
import { Socket } from 'node:net'
import { spin } from '../functions.js'
import { FloorFrames, frameOf, OPERATIONS, valuesOf } from './floor-frames.js'

const socket = new Socket({ fd: 3, readable: true, writable: true })

const answer = (frame: Buffer): Buffer => {
  const items = valuesOf(frame)
  const [from = 0, end = 0] = items
  if (frame[0] === OPERATIONS.noop) return frame
  const isRange = frame[0] === OPERATIONS.rootsOfRange
  const out = frameOf(frame[0] ?? 0, new Float64Array(isRange ? end - from : items.length))
  const values = valuesOf(out)
  if (isRange) for (let nth = 0; nth < values.length; nth++) values[nth] = Math.sqrt(from + nth)
  else for (let nth = 0; nth < values.length; nth++) values[nth] = spin(items[nth] ?? 0)
  return out
}

const frames = new FloorFrames(socket, frame => frames.send(answer(frame)))
socket.on('end', () => process.exit(0))

// The bare floor: two children behind length-prefixed frames, numbers as packed doubles, and nothing else: no leases, no
// retries, no beats, no failures. What the parts of this machine allow.
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { FloorFrames, frameOf, OPERATIONS, valuesOf } from './floor-frames.js'
import { type Items, type Measure, type StationRequest, serveStation } from './protocol.js'

const CHILDREN = 2
/** Frames in flight for each child: one more than it works on, so that it never waits for a wake-up. */
const WINDOW = 2
/** Of a job of packed numbers. Fewer: an uneven end. More: more frames. */
const SHARDS = 128

interface Child {
  readonly frames: FloorFrames
  readonly flying: number[]
  readonly gone: Promise<unknown>
  end(): void
}

let results: Buffer[] = []
let waiting: Buffer[] = []
let next = 0
let left = 0
let onDone: () => void = () => {}

const feed = (child: Child, most = WINDOW): void => {
  while (child.flying.length < most && next < waiting.length) {
    child.flying.push(next)
    child.frames.send(waiting[next++] as Buffer)
  }
}

const children = Array.from({ length: CHILDREN }, (): Child => {
  const file = fileURLToPath(new URL('./floor-child.js', import.meta.url))
  const process_ = spawn(process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  const socket = process_.stdio[3] as Duplex
  const frames = new FloorFrames(socket, frame => {
    results[child.flying.shift() ?? 0] = frame
    feed(child)
    if (--left === 0) onDone()
  })
  const gone = new Promise(resolve => process_.once('exit', resolve))
  const child: Child = { frames, flying: [], gone, end: () => socket.end() }
  return child
})

const exchange = (frames: Buffer[]): Promise<Buffer[]> =>
  new Promise(resolve => {
    results = new Array(frames.length)
    waiting = frames
    next = 0
    left = frames.length
    onDone = () => resolve(results)
    // One each first: two frames are one for each child.
    for (let most = 1; most <= WINDOW; most++) for (const child of children) feed(child, most)
  })

const cut = (count: number, shards: number): [number, number][] => {
  const size = Math.ceil(count / shards)
  const parts: [number, number][] = []
  for (let at = 0; at < count; at += size) parts.push([at, Math.min(count, at + size)])
  return parts
}

const framesOf = ({ job, items: { from = 0, count } }: StationRequest, items: Items): Buffer[] => {
  if (job === 'sqrt')
    return cut(count, SHARDS).map(([at, end]) => frameOf(OPERATIONS.rootsOfRange, [from + at, from + end]))
  if (job === 'noop') return Array.from({ length: count }, (_, nth) => frameOf(OPERATIONS.noop, [from + nth]))
  // Half of the work each, in one frame: what two cores give when nothing is handed out.
  const turns = items() as number[]
  return cut(count, CHILDREN).map(([at, end]) => frameOf(OPERATIONS.spin, turns.slice(at, end)))
}

const measure: Measure = async (request, items) => {
  const began = performance.now()
  const frames = await exchange(framesOf(request, items))
  const values = new Float64Array(request.items.count)
  let at = 0
  for (const frame of frames) {
    const part = valuesOf(frame)
    values.set(part, at)
    at += part.length
  }
  return { seconds: (performance.now() - began) / 1000, values }
}

await serveStation(measure, async () => {
  for (const child of children) child.end()
  await Promise.all(children.map(child => child.gone))
})

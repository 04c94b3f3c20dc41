// One row of a picture of the Mandelbrot set: the function that mandelbrot.ts maps, in a module of its own because workers
// load the whole module that a function comes from.
//
// In: the row's number; the view comes once in each worker, by `init`. Out: the row's pixels, RGB, three bytes each.

export interface View {
  readonly width: number
  readonly height: number
  /** The middle of the picture in the complex plane, and its width there. */
  readonly re: number
  readonly im: number
  readonly span: number
  readonly limit: number
}

let view: View

/** Called once in each worker before its first row. */
export function init(shared: View): void {
  view = shared
}

/** Rows take very different times: those through the set's body run to the limit at each pixel, those beside it escape at once. */
export default function row(y: number): Uint8Array {
  const { width, height, re, im, span, limit } = view
  const pixels = new Uint8Array(width * 3)
  const scale = span / width
  const ci = im + (y - height / 2) * scale
  for (let x = 0; x < width; x++) {
    const steps = escapeSteps(re + (x - width / 2) * scale, ci, limit)
    if (steps < limit) pixels.set(colour(steps / limit), x * 3)
  }
  return pixels
}

/** How many steps of z = z² + c leave the circle of radius 2, at most `limit`. */
function escapeSteps(cr: number, ci: number, limit: number): number {
  let zr = 0
  let zi = 0
  for (let step = 0; step < limit; step++) {
    const rr = zr * zr
    const ii = zi * zi
    if (rr + ii > 4) return step
    zi = 2 * zr * zi + ci
    zr = rr - ii + cr
  }
  return limit
}

/** From night blue over white to orange, the nearer to the set the further; 0 to 1 in, RGB out. */
function colour(nearness: number): readonly [number, number, number] {
  const t = nearness ** 0.3
  return [
    Math.round(255 * Math.min(1, 1.6 * t)),
    Math.round(255 * (1 - Math.abs(2 * t - 1)) ** 0.8),
    Math.round(60 + 195 * Math.sin(Math.PI * t)),
  ]
}

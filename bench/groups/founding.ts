// The founding job: `pool.map(Math.sqrt, range(10, N))` against the `for` loop that it replaces, in the same process.
import { type Bench, type Group, type Plan, warm } from '../group.js'
import type { StationRequest } from '../stations/protocol.js'
import { bound, type Row } from '../table.js'

const SIZES = [10_000, 5_000_000]
/** Of so many values one side would give the memory of the other's back. */
const MANY = 1_000_000
const FORMS = [
  { form: 'array', options: '', loop: '`for` with push', request: {} },
  { form: 'f64', options: ", { as: 'f64' }", loop: 'a loop into a Float64Array', request: { as: 'f64' } },
] as const
const GOAL = { factor: 1.02, plusSeconds: 0.002 }

interface Variant {
  readonly size: number
  readonly form: (typeof FORMS)[number]
  readonly request: StationRequest
  readonly id: string
}

const variants = (): Variant[] =>
  SIZES.flatMap(size =>
    FORMS.map(form => {
      const items = { from: 10, count: size - 10 }
      const isCollected = size >= MANY
      return { size, form, request: { job: 'sqrt', items, isCollected, ...form.request }, id: `${size} ${form.form}` }
    }),
  )

const callOf = (size: number, { options }: Variant['form']): string =>
  `\`pool.map(Math.sqrt, range(10, ${size.toLocaleString('en-US').replaceAll(',', '_')})${options})\``

const rowsOf =
  (state: string) =>
  ({ id, size, form }: Variant) => ({
    title: `${callOf(size, form)}, ${state}, against ${form.loop}`,
    ours: `${state} ${id}`,
    loop: `loop ${id}`,
  })

const open = (bench: Bench): Plan => {
  const all = variants()
  const cases = all.flatMap(({ id, request }) => [
    warm(bench, `loop ${id}`, 'ours', { ...request, by: 'loop' }),
    warm(bench, `pool cold ${id}`, 'ours', { ...request, isCold: true }),
    warm(bench, `pool warm ${id}`, 'ours', request),
    { id: `first loop ${id}`, run: () => bench.rig.measureFresh('ours', { ...request, by: 'loop' }) },
    { id: `first ${id}`, run: () => bench.rig.measureFresh('ours', { ...request, isCold: true }) },
  ])
  return {
    cases,
    rows: samples => [
      ...['pool cold', 'pool warm'].flatMap(state =>
        all.map(rowsOf(state)).map(({ title, ours, loop }) => bound(title, samples, ours, loop, GOAL)),
      ),
      ...all.map(({ id, size, form }): Row => {
        const title = `${callOf(size, form)}, the first call of a process, against ${form.loop}, the first too`
        // Reported: loading the code of a pool is no part of the promise.
        return { title, figure: bound(title, samples, `first ${id}`, `first loop ${id}`, GOAL).figure }
      }),
    ],
  }
}

export const founding: Group = { id: 'founding', title: 'The founding job against the loop it replaces', open }

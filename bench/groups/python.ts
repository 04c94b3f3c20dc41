// A Python function: by the command and from the library, against Python's own Pool.map and its own loop.
import { join } from 'node:path'
import { checkDoubles, ourCommand, wholeCase } from '../command.js'
import { type Bench, type Case, type Group, type Plan, warm } from '../group.js'
import { python } from '../rig.js'
import { MANYHANDS, NODE } from '../root.js'
import type { Samples } from '../samples.js'
import { type Row, ratio, took } from '../table.js'

const FROM = 10
const LARGE = 5_000_000
const SMALL = 10_000

const byCommand = (bench: Bench, end: number): Case => {
  const output = join(bench.rig.folder, `python-${end}.f64`)
  const args = ['map', 'bench/functions.py#sqrt', '--range', `${FROM}..${end}`, '--slots', '2', '--output', output]
  return ourCommand(bench, `command ${end}`, args, () => checkDoubles(output, end - FROM, Math.sqrt(end - 1)))
}

const scripts = (end: number): Case[] =>
  ['pool', 'loop'].map(kind => wholeCase(`${kind} ${end}`, python(kind, 'sqrt', String(FROM), String(end - FROM))))

const smallRow = (samples: Samples): Row => {
  const [ours, pool, start] = [`command ${SMALL}`, `pool ${SMALL}`, 'help'].map(id => samples.median(id))
  const most = (pool ?? Number.NaN) + (start ?? Number.NaN)
  const row = took('Python by the command, N = 10,000, cold', samples.values(`command ${SMALL}`), 1, { most })
  const text = `${row.goal?.text}: the Pool script + the command's own start-up (\`--help\`)`
  return { ...row, goal: { text, isMet: (ours ?? Number.NaN) <= most } }
}

const open = (bench: Bench): Plan => {
  const request = { job: 'sqrt', items: { from: FROM, count: LARGE - FROM } } as const
  return {
    cases: [
      byCommand(bench, LARGE),
      ...scripts(LARGE),
      byCommand(bench, SMALL),
      ...scripts(SMALL),
      wholeCase('help', [NODE, MANYHANDS, '--help']),
      wholeCase('node', [NODE, '-e', '0']),
      warm(bench, 'warm', 'ours python', { ...request, as: 'f64' }),
      warm(bench, 'warm loop', 'python loop', request),
      warm(bench, 'warm pool', 'python pool', request),
    ],
    rows: samples => [
      ratio(
        'Python by the command, 5,000,000 roots, cold, against a `Pool.map` script',
        samples,
        `command ${LARGE}`,
        `pool ${LARGE}`,
        { most: 0.55 },
      ),
      ratio('… against a plain Python loop script, cold', samples, `command ${LARGE}`, `loop ${LARGE}`),
      ratio(
        "Python from the library, 5,000,000 roots, warm, against Python's own warm loop",
        samples,
        'warm',
        'warm loop',
        { most: 0.9 },
      ),
      ratio("… against Python's own warm `Pool.map`", samples, 'warm', 'warm pool'),
      smallRow(samples),
      took('… a `Pool.map` script, N = 10,000, cold', samples.values(`pool ${SMALL}`)),
      took('… a plain Python loop script, N = 10,000, cold', samples.values(`loop ${SMALL}`)),
      took("the command's own start-up: `manyhands --help`", samples.values('help')),
      took('… of it, Node: `node -e 0`', samples.values('node')),
    ],
  }
}

export const pythonFunctions: Group = { id: 'python', title: 'Python functions', open }

// npm run bench:service -- [--only cost,takeover,fair,memory] [--items 100_000_000] [--output FILE]
// What a coordinator daemon costs, how fast its jobs are taken over, how it shares and what it holds: real processes on a NATS
// server of their own. Out: Markdown on standard output; of a whole run also in bench/service.md.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stableServer } from '../../test/support/nats-binaries.js'
import { ROOT } from '../root.js'
import { type Row, toTable } from '../table.js'
import { cost } from './cost.js'
import { fair } from './fair.js'
import { memory } from './memory.js'
import { takeover } from './takeover.js'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    items: { type: 'string', default: '100_000_000' },
    output: { type: 'string' },
  },
})

const GROUPS: Readonly<Record<string, readonly [title: string, measure: () => Promise<Row[]>]>> = {
  cost: ['What a job costs', cost],
  takeover: ['Takeover and resume', takeover],
  fair: ['Fair shares', fair],
  memory: ['Memory', () => memory(Number(options.items.replaceAll('_', '')))],
}

const wanted = options.only?.split(',') ?? Object.keys(GROUPS)
const load = loadavg()[0] ?? 0
const began = performance.now()
const sections: string[] = []
for (const name of wanted) {
  const group = GROUPS[name]
  if (group === undefined)
    throw new Error(`--only: there is no group ${name}; there are ${Object.keys(GROUPS).join(', ')}`)
  const [title, measure] = group
  process.stderr.write(`${name}\n`)
  sections.push(`## ${title}\n\n${toTable(await measure())}`)
}
const minutes = (performance.now() - began) / 60_000
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, nats-server ${(await stableServer()).version}`
const how = `Machine: ${machine}; load ${load.toFixed(2)} before the start. Made by \`npm run bench:service\` in ${minutes.toFixed(1)} minutes. Figures of several runs are medians (min - max).`
const text = `${['# The coordinator daemon, measured', how, ...sections].join('\n\n')}\n`
process.stdout.write(text)
const output = options.output ?? (options.only === undefined ? join(ROOT, 'bench/service.md') : undefined)
if (output !== undefined) writeFileSync(output, text)

// Items that are one command each and next to nothing inside: what starting a process for each costs.
import { ourCommand, wholeCase } from '../command.js'
import type { Bench, Group, Plan } from '../group.js'
import { MANYHANDS, NODE } from '../root.js'
import { type Row, took } from '../table.js'

const ITEMS = 1000

const open = (bench: Bench): Plan => {
  const tools = (['xargs', 'GNU parallel'] as const).filter(tool => bench.peers.has(tool))
  const commands = {
    xargs: `seq ${ITEMS} | xargs -P2 -n1 true`,
    'GNU parallel': `seq ${ITEMS} | parallel -j2 true`,
  }
  const options = ['map', '--range', `0..${ITEMS}`, '--slots', '2', '--output', '/dev/null', '--output-format', 'jsonl']
  const ours = ourCommand(bench, 'ours', options, undefined, ['--', 'true'])
  return {
    cases: [
      ours,
      ...tools.map(tool => wholeCase(tool, ['sh', '-c', commands[tool]])),
      wholeCase('help', [NODE, MANYHANDS, '--help']),
    ],
    rows: (samples): Row[] => {
      const start = samples.median('help')
      const beyond = samples.values('ours').map(seconds => seconds - start)
      return [
        took(`\`manyhands map --range 0..${ITEMS} -- true\`, a job, whole process`, samples.values('ours'), ITEMS, {
          most: 0.001,
        }),
        took("… beyond the command's own start-up", beyond, ITEMS),
        ...tools.map(tool => took(`${tool} with 2 at once, a job, whole process`, samples.values(tool), ITEMS)),
      ]
    },
  }
}

export const commands: Group = { id: 'commands', title: `One command an item, N = ${ITEMS}`, open }

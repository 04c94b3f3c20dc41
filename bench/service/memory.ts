// The most memory that the processes of a daemon's job take, whatever its size. Linux.
import { randomBytes } from 'node:crypto'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peakOf } from '../peak.js'
import { MANYHANDS, NODE } from '../root.js'
import type { Row } from '../table.js'
import { isOver, memoryOf, partsOf, roots, Site, seen } from './site.js'

const JOBS = 1000

const row = (title: string, bytes: number): Row => ({ title, figure: `${Math.round(bytes / 1e6)} MB` })

const manyItems = (items: number): Promise<Row[]> =>
  Site.with(async site => {
    const daemon = await site.daemon('ann')
    const client = await site.client(daemon)
    const agent = await site.agent(client, 2)
    const output = join(site.folder, 'roots.f64')
    const options = ['--coordinator', daemon.address, '--range', `0..${items}`, '--quiet', '--output', output]
    const { peakBytes, seconds } = await peakOf([NODE, MANYHANDS, 'map', 'Math.sqrt', ...options])
    const { size } = await stat(output)
    if (size !== 8 * items) throw new Error(`${output} has ${size} bytes: expected ${8 * items}`)
    const what = `${items.toLocaleString('en-US')} square roots by \`map --coordinator\``
    return [
      { title: `${what}, wall`, figure: `${seconds.toFixed(1)} s` },
      row('… the daemon', (await memoryOf(daemon)).peak),
      row('… the agent', (await memoryOf(agent)).peak),
      row('… the command', peakBytes),
    ]
  })

const manyJobs = (): Promise<Row[]> =>
  Site.with(async site => {
    const daemon = await site.daemon('ann')
    const client = await site.client(daemon)
    await site.agent(client, 2)
    const before = (await memoryOf(daemon)).now
    for (let nth = 0; nth < JOBS; nth++) {
      const { id } = await client.submit(roots(10), partsOf())
      await seen(client, id, isOver)
    }
    return [
      row('the daemon before its first job, now', before),
      row(`… with ${JOBS.toLocaleString('en-US')} jobs that ended and are kept, now`, (await memoryOf(daemon)).now),
    ]
  })

const sharedData = (bytes: number): Promise<Row[]> =>
  Site.with(async site => {
    const daemon = await site.daemon('ann')
    const client = await site.client(daemon)
    const agent = await site.agent(client, 2)
    const shared = join(site.folder, 'shared.bin')
    const code = join(site.folder, 'lookup.mjs')
    await writeFile(shared, randomBytes(bytes))
    await writeFile(
      code,
      'let table\nexport const init = bytes => { table = bytes }\nexport const at = i => table[i]\n',
    )
    const map = [NODE, MANYHANDS, 'map', `${code}#at`, '--init', 'init', '--shared', shared, '--range', '0..10000']
    const sink = ['--quiet', '--output', '/dev/null', '--output-format', 'jsonl']
    const served = await peakOf([...map, '--coordinator', daemon.address, ...sink])
    const direct = await peakOf([...map, '--nats', site.nats.url, ...sink])
    await rm(shared)
    const what = `${Math.round(bytes / 1e6)} MB of shared data`
    return [
      row(`${what}: the daemon`, (await memoryOf(daemon)).peak),
      row('… the agent', (await memoryOf(agent)).peak),
      row('… `map --coordinator`', served.peakBytes),
      row('… `map --nats`', direct.peakBytes),
    ]
  })

export const memory = async (items: number): Promise<Row[]> => [
  ...(await manyItems(items)),
  ...(await manyJobs()),
  ...(await sharedData(200e6)),
]

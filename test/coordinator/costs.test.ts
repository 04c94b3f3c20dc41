// The file of costs: what is kept is found again, and nothing that is not whole and of this machine is believed.
import { once } from 'node:events'
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Costs, functionKey, NO_COSTS, readCosts, remember, writeCosts } from '../../coordinator/costs.js'
import type { JobFunction } from '../../coordinator/function/function.js'
import { withLocal } from '../../coordinator/learn.js'
import { clusterCosts, placeCosts } from './costs-fixture.js'

const COSTS: Costs = {
  local: { node: placeCosts() },
  clusters: { 'nats://a:4222': clusterCosts() },
  functions: [{ key: 'k', itemSeconds: 0.001, items: 9 }],
}

const folders: string[] = []
const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), 'manyhands-costs-'))
  folders.push(made)
  return made
}
test.after.always(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true })
})

test('what was written is read again, from a file that is there whole', async t => {
  const file = join(await folder(), 'deep', 'costs.json')
  t.true(await writeCosts({ cores: 2, file }, COSTS))
  t.deepEqual(await readCosts({ cores: 2, file }), COSTS)
  t.deepEqual(readdirSync(join(file, '..')), ['costs.json'])
})

test('a file of another machine, or of the same one with other limits, counts as none', async t => {
  const file = join(await folder(), 'costs.json')
  await writeCosts({ cores: 2, file }, COSTS)
  t.deepEqual(await readCosts({ cores: 4, file }), NO_COSTS)
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, JSON.stringify({ ...kept, schema: 'manyhands.costs/0' }))
  t.deepEqual(await readCosts({ cores: 2, file }), NO_COSTS)
})

test('a corrupt file counts as none, a corrupt entry alone is left out', async t => {
  const file = join(await folder(), 'costs.json')
  await writeCosts({ cores: 2, file }, COSTS)
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.slice(0, -20))
  t.deepEqual(await readCosts({ cores: 2, file }), NO_COSTS)
  writeFileSync(file, '[]')
  t.deepEqual(await readCosts({ cores: 2, file }), NO_COSTS)
  const kept = JSON.parse(text) as Record<string, unknown>
  const node = { ...placeCosts(), shardSeconds: 'soon' }
  writeFileSync(file, JSON.stringify({ ...kept, local: { node, python: placeCosts() }, functions: [{ key: 1 }] }))
  t.deepEqual(await readCosts({ cores: 2, file }), { ...COSTS, local: { python: placeCosts() }, functions: [] })
})

test('nobody fails where costs cannot be kept, and off keeps none', async t => {
  const made = await folder()
  const file = join(made, 'a-file')
  writeFileSync(file, '')
  t.false(await writeCosts({ cores: 2, file: join(file, 'costs.json') }, COSTS))
  mkdirSync(join(made, 'taken'))
  t.false(await writeCosts({ cores: 2, file: join(made, 'taken') }, COSTS))
  t.deepEqual(readdirSync(made).sort(), ['a-file', 'taken'], 'and nothing is left behind')
  t.false(await writeCosts({ cores: 2, file: 'off' }, COSTS))
  t.false(await writeCosts({ cores: 2, env: { MANYHANDS_COSTS: 'off', HOME: made } }, COSTS))
  t.deepEqual(await readCosts({ cores: 2, file: 'off' }), NO_COSTS)
})

test('what is no file is not replaced by one, and a link stays one', async t => {
  const made = await folder()
  const socket = join(made, 'socket')
  const server = createServer().listen(socket)
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.false(await writeCosts({ cores: 2, file: socket }, COSTS))
  t.true(lstatSync(socket).isSocket())
  const link = join(made, 'link.json')
  writeFileSync(join(made, 'real.json'), '{}')
  symlinkSync('real.json', link)
  t.true(await writeCosts({ cores: 2, file: link }, COSTS))
  t.true(lstatSync(link).isSymbolicLink())
  t.deepEqual(await readCosts({ cores: 2, file: join(made, 'real.json') }), COSTS)
})

test('the file is in the cache folder of the user unless it is named', async t => {
  const made = await folder()
  await writeCosts({ cores: 2, env: { HOME: made } }, COSTS)
  t.deepEqual(readdirSync(join(made, '.cache', 'manyhands')), ['costs.json'])
  await writeCosts({ cores: 2, env: { HOME: made, XDG_CACHE_HOME: join(made, 'xdg') } }, COSTS)
  t.deepEqual(readdirSync(join(made, 'xdg', 'manyhands')), ['costs.json'])
  await writeCosts({ cores: 2, env: { HOME: made, MANYHANDS_COSTS: join(made, 'named.json') } }, COSTS)
  t.true(readdirSync(made).includes('named.json'))
})

test('the number of functions and clusters that are remembered is bounded, and the oldest go', async t => {
  const file = join(await folder(), 'costs.json')
  const functions = Array.from({ length: 1000 }, (_, nth) => ({ key: `k${nth}`, itemSeconds: 1, items: 1 }))
  const clusters = Object.fromEntries(Array.from({ length: 50 }, (_, nth) => [`nats://h${nth}:4222`, clusterCosts()]))
  await writeCosts({ cores: 2, file }, { ...COSTS, functions, clusters })
  const kept = await readCosts({ cores: 2, file })
  t.is(kept.functions.length, 200)
  t.is(kept.functions.at(-1)?.key, 'k999')
  t.deepEqual(Object.keys(kept.clusters).at(-1), 'nats://h49:4222')
  t.is(Object.keys(kept.clusters).length, 10)
})

test('several that learn at once leave one whole file', async t => {
  const file = join(await folder(), 'costs.json')
  const where = { cores: 2, file }
  await Promise.all(Array.from({ length: 20 }, () => remember(where, costs => withLocal(costs, 'node', placeCosts()))))
  t.like((await readCosts(where)).local.node, { startSeconds: 0.06, jobSeconds: 0.001 })
  t.deepEqual(readdirSync(join(file, '..')), ['costs.json'])
})

test('a function has the key of its sources, its name and what goes with it', t => {
  const content = new TextEncoder().encode('export const f = x => x')
  const fn: JobFunction = {
    runner: 'node',
    name: 'f',
    entry: 'f.mjs',
    function: 'f',
    bundle: [{ path: 'f.mjs', content }],
  }
  t.is(functionKey(fn), functionKey({ ...fn, name: 'for people' }))
  const others: JobFunction[] = [
    { ...fn, function: 'g' },
    { ...fn, init: 'i' },
    { ...fn, bundle: [{ path: 'f.mjs', content: content.slice(1) }] },
    { runner: 'exec', name: 'f', entry: '', function: '', command: { argv: ['f'], shell: false } },
  ]
  t.is(new Set([fn, ...others].map(functionKey)).size, 5)
})

// What a run says of itself: rows with goals, honestly, and the README's copy of them.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { accounted } from '../../bench/accounted.js'
import { type Account, Receipts } from '../../bench/receipts.js'
import { blockIn, type Circumstances, goalsOf, toMarkdown, withBlockOf } from '../../bench/report.js'
import { Samples } from '../../bench/samples.js'
import { bound, ratio, share, took, toTable } from '../../bench/table.js'

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

const samplesOf = (cases: Record<string, number[]>) => {
  const samples = new Samples()
  for (const [id, all] of Object.entries(cases)) for (const seconds of all) samples.add(id, { seconds })
  return samples
}

const how: Circumstances = {
  machine: 'a machine',
  command: 'npm run bench',
  load: 0.1,
  repetitions: 5,
  minutes: 1,
  gate: { runs: 100, again: 1, slow: 0 },
  cut: [],
}

test('the README shows the table that the bench printed into its results', t => {
  const shown = blockIn(textOf('README.md'))
  t.truthy(shown)
  t.is(shown, blockIn(textOf('bench/results.md')), 'npm run bench writes both')
})

test('a goal is met by the median, not by the best', t => {
  const samples = samplesOf({ ours: [1, 1, 9, 9, 9], loop: [5, 5, 5] })
  t.is(ratio('r', samples, 'ours', 'loop', { most: 1.02 }).goal?.isMet, false)
  t.is(took('s', samples.values('ours'), 1, { most: 9 }).goal?.isMet, true)
  t.is(share('e', [0.9, 0.98, 0.99], { least: 0.97 }).goal?.isMet, true)
})

test('a job may take the loop and a fixed time more, no longer', t => {
  const samples = samplesOf({ loop: [1], just: [1.022], over: [1.0221] })
  const limit = { factor: 1.02, plusSeconds: 0.002 }
  t.true(bound('j', samples, 'just', 'loop', limit).goal?.isMet)
  t.false(bound('o', samples, 'over', 'loop', limit).goal?.isMet)
})

test('what was not measured is no goal met', t => {
  const row = took('nothing', [], 1, { most: 1 })
  t.is(row.goal?.isMet, false)
  t.true(toTable([row]).includes('not measured'))
})

test('the table of goals has all rows with a goal and no others, and replaces the one in a text', t => {
  const rows = [took('with', [1], 1, { most: 2 }), took('without', [1])]
  const text = toMarkdown([{ title: 'A group', rows, text: '', notes: ['a peer is not installed'] }], how)
  const block = blockIn(text) ?? ''
  t.true(block.includes('| with |') && !block.includes('| without |'))
  t.is(goalsOf([{ title: '', rows, text: '', notes: [] }]).length, 1)
  t.true(text.includes('- Left out: a peer is not installed.'))
  const old = `before\n${block.replace('with', 'older')}\nafter`
  t.is(withBlockOf(old, text), `before\n${block}\nafter`)
  t.throws(() => withBlockOf('no marks', text), { message: /no place/ })
})

test('a busy machine is told of beside its figures', t => {
  const section = [{ title: 'g', rows: [took('x', [1], 1, { most: 2 })], text: '', notes: [] }]
  t.false((blockIn(toMarkdown(section, how)) ?? '').includes('busy'))
  t.true((blockIn(toMarkdown(section, { ...how, load: 3 })) ?? '').includes('busy'))
  const slow = { ...how, gate: { runs: 100, again: 0, slow: 20 } }
  t.true((blockIn(toMarkdown(section, slow)) ?? '').includes('busy'))
})

test('one job below 99 % misses the goal of all, and is named', t => {
  const account = (part: number): Account => ({
    placement: 'local',
    wallSeconds: 1,
    efficiency: 1,
    serialSeconds: 1,
    accounted: part,
  })
  const receipts = new Receipts()
  t.deepEqual(accounted(receipts), [])
  for (let nth = 0; nth < 9; nth++) receipts.add(`good ${nth}`, account(0.999))
  t.true(accounted(receipts)[0]?.goal?.isMet)
  receipts.add('the bad one', account(0.98))
  const rows = accounted(receipts)
  t.false(rows[0]?.goal?.isMet)
  t.true(rows[0]?.figure.includes('1 of 10'))
  t.true(rows.some(({ figure }) => figure.includes('the bad one')))
})

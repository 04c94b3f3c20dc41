import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Transcript } from './transcript.js'

const folder = fileURLToPath(new URL('../../../test/transcripts/', import.meta.url))
const isUpdate = process.env.UPDATE_TRANSCRIPTS === '1'

const error = (index: number) => ({ index, reason: 'error' as const })

const PLAYS: Readonly<Record<string, () => Transcript>> = {
  'an-agent-dies': () => {
    const play = new Transcript('An agent dies: its lease ends, and what it had not reported is offered again')
    play.read(0, 4).read(4, 8).beats('ann', '0.1', '1.1').reports('ann', '0.1', [0, 2], { last: false })
    return play.wait(3).beats('bob', '1.2', '2.1').reports('bob', '1.2', [4, 8]).reports('bob', '2.1', [2, 4])
  },
  'a-frozen-agent-comes-back': () => {
    const play = new Transcript('A frozen agent comes back: the first outcome of an item wins, whoever sends it')
    play.read(0, 4).read(4, 8).beats('ann', '0.1', '1.1').wait(2.5).beats('bob', '0.2', '1.2')
    play.reports('bob', '0.2', [0, 4])
    // Ann thaws: her beat holds nothing any more, but her reports count.
    play.beats('ann', '0.1', '1.1').reports('ann', '0.1', [0, 4]).reports('ann', '1.1', [4, 8])
    return play.reports('bob', '1.2', [4, 8])
  },
  'an-offer-nobody-claims': () => {
    const play = new Transcript('An offer nobody claims: it is repeated, each time more patiently')
    play.read(0, 4)
    return play
      .wait(12, () => play.beats('ann'))
      .beats('ann', '0.3')
      .reports('ann', '0.3', [0, 4])
  },
  'a-worker-crashes-with-suspects': () => {
    const play = new Transcript('A worker crashes: nobody knows on which item, so the suspects run again carefully')
    play.read(0, 10).beats('ann', '0.1').reports('ann', '0.1', [0, 3], { last: false })
    play.reports('ann', '0.1', [3, 3], { suspects: { start: 4, end: 7 } })
    play.beats('ann', '1.1', '2.1').reports('ann', '1.1', [3, 4])
    play.reports('ann', '2.1', [4, 5], { last: false })
    play.reports('ann', '2.1', [5, 6], { failures: [{ index: 5, reason: 'crash' }] })
    return play.reports('ann', '3.1', [7, 10]).reports('ann', '4.1', [6, 7])
  },
  'a-reduction': () => {
    const play = new Transcript('A reduction: one value for all items of a shard, or none', { indivisible: true })
    play.read(0, 4).read(4, 8).beats('ann', '0.1').beats('bob', '1.1').reports('ann', '0.1', [0, 4])
    return play.wait(2.5).beats('ann', '1.2').reports('ann', '1.2', [4, 8]).reports('bob', '1.1', [4, 8])
  },
  'an-item-is-retried': () => {
    const play = new Transcript('An item fails and is tried again; its neighbours are settled', { retries: 1 })
    play
      .read(0, 3)
      .beats('ann', '0.1')
      .reports('ann', '0.1', [0, 3], { failures: [error(0), error(2)] })
    // The same report once more, as after a lost answer: no further try.
    play.reports('ann', '0.1', [0, 3], { failures: [error(0), error(2)] })
    return play.reports('ann', '1.1', [0, 1]).reports('ann', '2.1', [2, 3], { failures: [error(2)] })
  },
  'the-queue-is-lost': () => {
    const play = new Transcript('The queue is lost: what somebody is known to hold goes on, the rest is offered again')
    play.read(0, 4).read(4, 8).read(8, 12).beats('ann', '0.1').reopens().beats('ann', '0.1', '1.2')
    return play.reports('ann', '0.1', [0, 4]).reports('ann', '1.2', [4, 8]).reports('bob', '2.1', [8, 12])
  },
  'a-long-shard-is-shared': () => {
    const play = new Transcript('Slots are idle while a shard runs: its rest is taken back, and shared')
    play.read(0, 40).beats('ann', '0.1').reports('ann', '0.1', [0, 3], { last: false }).wait(0.5).idles(1)
    play.reports('ann', '0.1', [3, 3], { last: false, givenBack: { start: 5, end: 40 }, pieceItems: 18 })
    play.resumes(18).resumes(18).reports('ann', '0.1', [3, 5]).beats('ann', '1.1').beats('bob', '2.1')
    return play.reports('bob', '2.1', [23, 40]).reports('ann', '1.1', [5, 23])
  },
  'the-caller-helps': () => {
    const play = new Transcript('The caller has run its own items: it takes over what workers have not begun')
    play.read(0, 40).beats('ann', '0.1').reports('ann', '0.1', [0, 3], { last: false }).wait(0.5).idles(1)
    play.reports('ann', '0.1', [3, 3], { last: false, givenBack: { start: 5, end: 40 }, pieceItems: 0 })
    play.takes(12).resumes(12).takes(12).reports('ann', '0.1', [3, 5]).beats('ann', '1.1')
    return play.reports('ann', '1.1', [17, 29])
  },
  'a-slow-host': () => {
    const play = new Transcript('A host is much slower than the others: what it is stuck with is run a second time')
    const beat = (): unknown => play.beats('ann', '0.1') && play.beats('bob')
    play.read(0, 1).beats('ann', '0.1').beats('bob').wait(1.5, beat).idles(1, 10).beats('bob', '0.2')
    return play.reports('bob', '0.2', [0, 1]).reports('ann', '0.1', [0, 1])
  },
  'an-item-brings-down-its-hosts': () => {
    const play = new Transcript('An item brings down every host that runs it: it is found, and fails')
    play.read(0, 2)
    for (const [nth, held] of ['0.1', '0.2', '0.3'].entries()) play.beats(`host ${nth}`, held).wait(2.5)
    play.reports('ann', '1.1', [0, 1])
    for (const [nth, held] of ['2.1', '2.2', '2.3'].entries()) play.beats(`host ${3 + nth}`, held).wait(2.5)
    return play
  },
}

for (const [name, play] of Object.entries(PLAYS)) {
  test(`the play of the ledger goes as it is written: ${name}`, async t => {
    const path = `${folder}${name}.txt`
    const text = play().text()
    if (isUpdate) await writeFile(path, text)
    t.is(text, await readFile(path, 'utf8'))
  })
}

import test from 'ava'
import { Accounts } from '../../../coordinator/accounts.js'
import { CallerAccount } from '../../../coordinator/inline/caller-account.js'
import { Chunks } from '../../../coordinator/inline/chunks.js'
import { Help } from '../../../coordinator/inline/help.js'
import { type Piece, Shares } from '../../../coordinator/inline/shares.js'
import { openSource } from '../../../coordinator/input/source.js'
import { range } from '../../../coordinator/map.js'

const made = (count: number) => {
  const source = openSource(range(count))
  const shares = new Shares({ source, workersTake: 'back' })
  const help = new Help()
  let now = 0
  const clock = (): number => now
  const accounts = new Accounts({ job: 'a', name: 'a', placement: 'inline' })
  const account = new CallerAccount(accounts, 0)
  const state = { hasWorkers: true }
  const [hasWorkers, sliceSeconds] = [() => state.hasWorkers, () => 0.001]
  const chunks = new Chunks({ shares, source, help, hasWorkers, account, sliceSeconds, clock })
  const spanOf = (piece: Piece | undefined) => piece && [piece.index, piece.index + piece.to - piece.from]
  return { chunks, shares, help, state, accounts, account, spanOf, wait: (seconds: number) => (now += seconds) }
}

test('chunks grow with the pace of the items', t => {
  const { chunks, spanOf } = made(10_000)
  const sizes: unknown[] = []
  for (const seconds of [1e-6, 8e-6, 1e-2]) {
    const piece = chunks.next() as Piece
    sizes.push(spanOf(piece))
    chunks.ran(piece.to - piece.from, seconds)
  }
  t.deepEqual(sizes, [
    [0, 1],
    [1, 9],
    [9, 73],
  ])
  t.deepEqual(spanOf(chunks.next() as Piece), [73, 76], '64 items took 10 ms')
})

test('of few items that are not short a chunk is a small part', t => {
  const { chunks, spanOf } = made(40)
  for (const span of [
    [0, 1],
    [1, 3],
    [3, 5],
  ]) {
    const piece = chunks.next() as Piece
    t.deepEqual(spanOf(piece), span)
    chunks.ran(piece.to - piece.from, 80e-6 * (piece.to - piece.from))
  }
})

test('with nothing of its own left the caller runs what comes back, at its place, in chunks that grow anew', async t => {
  const { chunks, shares, help, spanOf, accounts, account, wait } = made(20)
  shares.feed(true)
  await shares.input().next(12, 1e6)
  for (let items = 0; items < 8; ) {
    const piece = chunks.next() as Piece
    items += piece.to - piece.from
    chunks.ran(piece.to - piece.from, 1e-9)
  }
  let asked = 0
  help.onIdle(() => asked++)
  const waited = chunks.next()
  t.deepEqual([asked, help.isIdle], [1, true])
  wait(5)
  help.give({ start: 3, end: 7 })
  t.deepEqual(spanOf(await waited), [11, 12], 'the fourth item of the twelve that workers took')
  chunks.ran(1, 1e-9)
  t.deepEqual(spanOf(chunks.next() as Piece), [12, 15])
  t.false(help.isIdle)
  const last = chunks.next()
  wait(5)
  help.end()
  t.is(await last, undefined)
  account.report(10)
  const { dispatch, tail } = accounts.soFar(10).phases
  t.deepEqual([dispatch < 1, tail > 9], [true, true], 'there was nothing to do')
})

test('without a job of workers nobody is waited for, nor after its end', async t => {
  const { chunks, help, state } = made(0)
  state.hasWorkers = false
  t.is(await chunks.next(), undefined)
  state.hasWorkers = true
  help.end()
  t.is(await chunks.next(), undefined)
  t.throws(() => help.give({ start: 0, end: 1 }), { message: /has not asked/ })
})

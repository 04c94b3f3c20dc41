import test from 'ava'
import { KeptReports } from '../../../coordinator/durable/kept-reports.js'
import { SpanSet } from '../../../coordinator/spans.js'

const span = (start: number, end: number) => ({ start, end })

test('reports are let go of up to the first whose outcomes are not all written', t => {
  const kept = new KeptReports()
  kept.add(1, [span(0, 4)], 10)
  kept.add(2, [span(8, 9)], 10)
  kept.add(3, [span(4, 6), span(7, 8)], 10)
  kept.add(4, [], 10)
  t.is(kept.release(new SpanSet()), 0)
  t.is(kept.release(new SpanSet([span(0, 6)])), 1)
  t.is(kept.release(new SpanSet([span(0, 8)])), 1)
  t.true(kept.hasAny)
  t.is(kept.bytes, 20)
  t.is(kept.release(new SpanSet([span(0, 9)])), 4)
  t.false(kept.hasAny)
  t.is(kept.bytes, 0)
})

test('reports that are numbered anew are others', t => {
  const kept = new KeptReports()
  kept.add(5, [span(0, 4)], 10)
  kept.add(1, [span(4, 6)], 10)
  t.is(kept.release(new SpanSet([span(4, 6)])), 1)
})

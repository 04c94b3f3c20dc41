import test from 'ava'
import { EncodeClock } from '../../../agent/runner/encode-clock.js'

const timedOf = (clock: EncodeClock, values: number, isUsual: boolean, work = (): void => {}): number => {
  let timed = 0
  for (let nth = 0; nth < values; nth++) {
    const began = clock.begin()
    work()
    if (began >= 0) timed++
    clock.end(began, isUsual)
  }
  return timed
}

test('what is usual and quick is timed now and then, and believed in between', t => {
  const clock = new EncodeClock()
  const timed = timedOf(clock, 800, true)
  // Each that the machine interrupted is followed by one that is timed.
  t.true(timed >= 100 && timed < 400, `${timed} of 800 were timed`)
  t.true(clock.seconds > 0 && clock.seconds < 0.1)
})

test('what takes long, and what is not usual, is timed each time', t => {
  const clock = new EncodeClock()
  t.is(timedOf(clock, 50, false), 50)
  const slow = (): void => {
    for (const end = performance.now() + 0.1; performance.now() < end; );
  }
  t.is(timedOf(clock, 50, true, slow), 50)
  t.true(clock.seconds >= 0.005)
})

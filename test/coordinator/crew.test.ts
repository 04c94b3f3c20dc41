import test from 'ava'
import { Crew } from '../../coordinator/crew.js'

const crew = (slots = 8): Crew => new Crew({ slots, startSeconds: 0.05, now: 0 })

test('the first worker is alone until something is known', t => {
  t.is(crew().wanted(0, { itemSeconds: undefined, measuredSeconds: 0, left: 1000 }, undefined), 1)
})

test('further workers come when what is left is worth their start', t => {
  t.is(crew().wanted(0.1, { itemSeconds: 0.001, measuredSeconds: 1, left: 50 }, undefined), 1)
  t.is(crew().wanted(0.1, { itemSeconds: 0.001, measuredSeconds: 1, left: 250 }, undefined), 3)
  t.is(crew().wanted(0.1, { itemSeconds: 0.001, measuredSeconds: 1, left: 100_000 }, undefined), 8)
})

test('the first items of nanoseconds, which take what comes once a shard, ask for nobody', t => {
  const alone = crew()
  alone.ready(0.05)
  t.is(alone.wanted(1.001, { itemSeconds: 40e-6, measuredSeconds: 40e-6, left: 10_000 }, undefined), 1)
  t.is(alone.wanted(1.01, { itemSeconds: 40e-6, measuredSeconds: 0.002, left: 10_000 }, undefined), 5)
})

test('no more workers than items', t => {
  t.is(crew().wanted(0.1, { itemSeconds: 10, measuredSeconds: 1, left: 3 }, undefined), 3)
})

test('an item that runs long without an end is evidence too', t => {
  const waiting = crew()
  waiting.ready(0.05)
  t.is(waiting.wanted(1.001, { itemSeconds: undefined, measuredSeconds: 0, left: 4 }, 1), 1)
  t.is(waiting.wanted(1.5, { itemSeconds: undefined, measuredSeconds: 0, left: 4 }, undefined), 1, 'it loads its code')
  t.is(waiting.wanted(1.5, { itemSeconds: undefined, measuredSeconds: 0, left: 4 }, 1), 4)
})

test('an endless input is worth what it has been so far', t => {
  t.is(crew().wanted(0.05, { itemSeconds: 0.001, measuredSeconds: 1, left: undefined }, undefined), 1)
  t.is(crew().wanted(10, { itemSeconds: 0.001, measuredSeconds: 1, left: undefined }, undefined), 8)
})

test('the number never sinks', t => {
  const once = crew()
  once.wanted(0.1, { itemSeconds: 1, measuredSeconds: 1, left: 100 }, undefined)
  t.is(once.wanted(0.2, { itemSeconds: 1e-6, measuredSeconds: 1, left: 1 }, undefined), 8)
})

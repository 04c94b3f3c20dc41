import test from 'ava'
import fc from 'fast-check'
import { choosePlace, type PlaceOffer } from '../../coordinator/placing.js'

const local = (workers: number, startSeconds: number): PlaceOffer => ({ place: 'local', workers, startSeconds })
const cluster = (workers: number, startSeconds: number): PlaceOffer => ({ place: 'cluster', workers, startSeconds })

test('many workers far away win over few at hand where enough remains', t => {
  t.deepEqual(choosePlace(local(1, 0.06), cluster(20, 0.2), 10), {
    place: 'cluster',
    seconds: { local: 0.06 + 9.94 / 2, cluster: 0.2 + 9.8 / 21 },
  })
  t.is(choosePlace(local(1, 0.06), cluster(20, 0.2), 0.25).place, 'local')
})

test('what is equal stays on this machine', t => {
  t.is(choosePlace(local(3, 0), cluster(3, 0), 5).place, 'local')
  t.is(choosePlace(local(0, 0), cluster(0, 0), 5).place, 'local')
})

test('no place takes longer than the caller alone, and none without workers is chosen over one that helps', t => {
  const offer = fc.record({ workers: fc.nat(100), startSeconds: fc.double({ min: 0, max: 10, noNaN: true }) })
  fc.assert(
    fc.property(offer, offer, fc.double({ min: 0, max: 100, noNaN: true }), (here, there, remaining) => {
      const { place, seconds } = choosePlace({ place: 'local', ...here }, { place: 'cluster', ...there }, remaining)
      t.true(seconds.local <= remaining + 1e-9 && seconds.cluster <= remaining + 1e-9)
      t.is(seconds[place], Math.min(seconds.local, seconds.cluster))
    }),
  )
})

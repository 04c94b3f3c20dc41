import test from 'ava'
import { checkMapOptions, checkPoolOptions, jobOptionsOf, placeOf } from '../../coordinator/options.js'

test('a name that is no option is refused, with the one that was meant', t => {
  const refused = (options: object) =>
    t.throws(() => checkMapOptions(options as never, 'map'), { instanceOf: TypeError })
  t.is(refused({ shardsize: 4 })?.message, 'there is no option shardsize: did you mean shardSize?')
  t.regex(refused({ chunks: 4 })?.message as string, /^there is no option chunks: expected one of place, signal,/)
  t.throws(() => checkPoolOptions({ slot: 4 } as never), { message: 'there is no option slot: did you mean slots?' })
  t.throws(() => checkMapOptions(4 as never, 'map'), { message: /the options are 4: expected an object/ })
})

test('an option of another method is refused, unless it is not set', t => {
  t.throws(() => checkMapOptions({ as: 'f64' } as never, 'reduce'), { message: 'as says nothing to reduce' })
  t.throws(() => checkMapOptions({ onError: 'collect' } as never, 'reduce'), {
    message: 'onError says nothing to reduce',
  })
  t.throws(() => checkMapOptions({ initial: 0 } as never, 'map'), { message: 'initial says nothing to map' })
  t.throws(() => checkMapOptions({ as: 'f64' } as never, 'imap'), { message: 'as says nothing to imap' })
  t.notThrows(() => checkMapOptions({ as: undefined, initial: undefined } as never, 'imap'))
  t.notThrows(() => checkMapOptions({ initial: 0 } as never, 'reduce'))
})

test('a value of another type is refused, whatever the size of the job', t => {
  const said = (call: () => unknown) => t.throws(call)?.message
  t.is(
    said(() => checkMapOptions({ speculation: 'no' } as never, 'map')),
    'speculation: expected a boolean, got a string',
  )
  t.is(
    said(() => checkMapOptions({ timeout: '3' } as never, 'map')),
    'timeout: expected a number, got a string',
  )
  t.regex(said(() => checkMapOptions({ signal: {} } as never, 'map')) as string, /expected an AbortSignal/)
  t.regex(said(() => jobOptionsOf({ timeout: Number.POSITIVE_INFINITY }, {})) as string, /timeout: expected seconds/)
  t.is(
    said(() => checkPoolOptions({ nats: 5 } as never)),
    'nats: expected a string, got a number',
  )
  t.is(
    said(() => checkPoolOptions({ onPrint: null } as never)),
    'onPrint: expected a function, got null',
  )
  t.regex(said(() => checkPoolOptions([] as never)) as string, /expected an object/)
})

test('all that the methods take are options', t => {
  const all = { place: 'auto', timeout: 1, concurrency: 2, retries: 1, shardSize: 5, speculation: false } as const
  const more = { map: { onError: 'collect', as: 'f64' }, imap: { onError: 'collect' }, reduce: { initial: 0 } } as const
  for (const method of ['map', 'imap', 'reduce'] as const)
    t.notThrows(() => checkMapOptions({ ...all, init: 'x', shared: 1, ...more[method] } as never, method))
  t.notThrows(() => checkPoolOptions({ slots: 2, nats: 'nats://x', insecure: true, place: 'cluster', isolate: true }))
})

test('replicas are 1, 3 or 5, of a NATS cluster', t => {
  t.notThrows(() => checkPoolOptions({ nats: 'nats://x', replicas: 3 }))
  t.throws(() => checkPoolOptions({ nats: 'nats://x', replicas: 2 } as never), {
    message: 'replicas: expected 1, 3 or 5, got 2',
  })
  t.throws(() => checkPoolOptions({ replicas: 3 }), { message: /nothing without a NATS cluster/ })
})

test('a value that means nothing is refused', t => {
  t.throws(() => jobOptionsOf({ as: 'float64' } as never, {}), {
    message: "as: expected 'f64' or nothing, got float64",
  })
  t.throws(() => placeOf({ place: 'inline', timeout: 1 }, {}), { message: /has no worker/ })
})

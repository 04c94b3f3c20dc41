import test from 'ava'
import { failureOf } from '../../proto/failure.js'

const withThrowing = (error: Error, name: 'message' | 'stack'): Error =>
  Object.defineProperty(error, name, {
    get: () => {
      throw new Error(`no ${name}`)
    },
  })

test('an error whose stack cannot be read keeps its message', t => {
  const failure = failureOf(withThrowing(new Error('what happened'), 'stack'))
  t.deepEqual(failure, { reason: 'error', message: 'what happened' })
})

test('what cannot be described at all is a failure all the same', t => {
  const failure = failureOf(withThrowing(new Error('x'), 'message'))
  t.deepEqual(failure, { reason: 'error', message: 'threw something that cannot be described' })
})

import test from 'ava'
import { nearest } from '../../../coordinator/function/nearest.js'

test('the name at the least distance is found, and none that is far', t => {
  t.is(nearest('rezise', ['blur', 'resize', 'resized']), 'resize')
  t.is(nearest('RESIZE', ['blur', 'resize']), 'resize')
  t.is(nearest('ba', ['ab', 'cd']), 'ab')
  t.is(nearest('something', ['blur', 'resize']), undefined)
  t.is(nearest('x', []), undefined)
})

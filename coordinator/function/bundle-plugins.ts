// What the bundler must not follow: native addons, which are made for one machine, and this library itself, which would
// take the whole coordinator along into every worker. In: import paths. Out: an error, or a stub.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PartialMessage, Plugin } from 'esbuild'

/** Marks an error that is about a native addon. */
export const NATIVE = 'native addon'

// Packages whose one purpose is to find and load the addon of the package that imports them.
const ADDON_LOADERS =
  /^(?:bindings|node-gyp-build(?:-optional-packages)?|(?:@mapbox\/)?node-pre-gyp|node-addon-loader)$/

export const unbundlable: Plugin = {
  name: 'native-addons',
  setup(build) {
    build.onResolve({ filter: ADDON_LOADERS }, ({ importer }) => ({ errors: [nativeError(importer)] }))
    build.onLoad({ filter: /\.node$/ }, ({ path }) => ({ errors: [nativeError(path)] }))
  },
}

function nativeError(path: string): PartialMessage {
  const name = packageOf(path)
  const what = name === undefined ? `${path} is` : `The package "${name}" needs`
  return {
    text:
      `${what} a native addon, which is built for one machine and cannot be sent to the agents. Use a package in pure ` +
      'JavaScript or WebAssembly, or install the program on every agent and run it as a command: -- COMMAND {}',
    detail: NATIVE,
  }
}

function packageOf(path: string): string | undefined {
  return /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path)?.[1]?.replace('\\', '/')
}

// As CommonJS, any name can be imported from it; using one says what is wrong. The bundler copies a CommonJS module's own
// properties to an object of the same prototype, so the prototype is what answers for all names.
const STUB = `
const refuse = () => {
  throw new Error(
    'A worker loaded a module that makes a pool of its own. Keep the function in a module apart from the one that ' +
      'calls manyhands, or write it as a self-contained literal.',
  )
}
const any = new Proxy(function () {}, { get: () => any, apply: refuse, construct: refuse })
module.exports = Object.create(new Proxy({}, { get: (target, name) => (name === '__esModule' ? undefined : any) }))
`

/** A module that both holds a worker's function and calls this library is bundled with a stub in the library's place. */
export const selfStub: Plugin = {
  name: 'manyhands',
  setup(build) {
    const compiled = fileURLToPath(new URL('../map.js', import.meta.url))
    const source = compiled.replace(/([\\/])dist([\\/]coordinator[\\/]map)\.js$/, '$1$2.ts').replace('//', '/')
    // In a namespace of its own, because in this package's folder it would be taken for an ES module.
    const stub = { path: 'manyhands', namespace: 'manyhands-stub' } as const
    build.onResolve({ filter: /^manyhands$/ }, () => stub)
    build.onResolve({ filter: /[\\/]map\.[jt]s$/ }, ({ path, resolveDir }) =>
      [compiled, source].includes(resolve(resolveDir, path)) ? stub : undefined,
    )
    build.onLoad({ filter: /^manyhands$/, namespace: 'manyhands-stub' }, () => ({ contents: STUB, loader: 'js' }))
  },
}

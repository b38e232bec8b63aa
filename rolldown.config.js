import { thirdParty } from './scripts/third-party.js';

// One bundle per program, because loading some hundred small files costs more than half of the start-up
// (docs/decisions/0001-bundled-build.md). koffi carries a native library; fastcgi-stream calls the Buffer
// constructor, which Node reports as deprecated unless the file lies in node_modules. Minified, the daemon holds
// 2 MB less; `node --enable-source-maps` tells the true lines.
export default {
  input: { runfcgid: 'src/main.ts', fcgictl: 'src/ctl.ts' },
  platform: 'node',
  external: ['koffi', 'fastcgi-stream'],
  plugins: [thirdParty()],
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    chunkFileNames: '[name]-[hash].js',
    minify: true,
    sourcemap: true,
  },
};

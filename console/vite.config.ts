import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `--mode fake` runs the whole console against a server that lives in the tab (src/providers/fake).
export default defineConfig(({ mode }) => ({
    plugins: [react()],
    resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
    define: { 'import.meta.env.FAKE': JSON.stringify(mode === 'fake') },
    build: {
        target: 'es2022',
        // The policy of the page allows no data: fonts, so nothing is folded into the styles.
        assetsInlineLimit: 0,
        chunkSizeWarningLimit: 700,
        rolldownOptions: {
            output: {
                // What changes seldom stands apart, so that a new version of ours leaves it in the browser's cache.
                codeSplitting: {
                    groups: [
                        { name: 'react', test: /node_modules\/(react|react-dom|react-router|react-router-dom|scheduler)\// },
                        { name: 'frame', test: /node_modules\/(ra-core|@tanstack|react-hook-form)\// },
                        { name: 'icons', test: /node_modules\/@mui\/icons-material\// },
                        { name: 'style', test: /node_modules\/(@emotion|@mui\/(system|utils|styled-engine|private-theming)|stylis)\// },
                    ],
                },
            },
        },
    },
    server: {
        port: 5173,
        proxy: {
            '/api': 'http://127.0.0.1:3000',
            '/socket.io': { target: 'http://127.0.0.1:3000', ws: true },
        },
    },
    test: {
        restoreMocks: true,
        // Logic needs no browser; what is drawn gets as much of one as there is without a browser.
        projects: [
            { extends: true, test: { name: 'logic', environment: 'node', include: ['src/**/*.test.ts'], testTimeout: 30_000 } },
            {
                extends: true,
                test: {
                    name: 'screens',
                    environment: 'jsdom',
                    include: ['src/**/*.test.tsx'],
                    setupFiles: ['src/testing/setup.ts'],
                    testTimeout: 30_000,
                    // There is to be one router, the one that Node finds for ra-core, and not another one for us.
                    alias: [{ find: /^react-router$/, replacement: fileURLToPath(import.meta.resolve('react-router')) }],
                },
            },
        ],
    },
}));

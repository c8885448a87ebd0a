import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';

// A page is fetched in parts, and this machine may be busy. What fails is told by its name, not by the whole page.
configure({ asyncUtilTimeout: 15_000, getElementError: (message) => new Error(message ?? undefined) });

// What browsers have and jsdom has not. The window is a desk's.
vi.stubGlobal('matchMedia', (query: string) => ({
    matches: /min-width/.test(query),
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
}));
vi.stubGlobal('ResizeObserver', class {
    observe() {}
    unobserve() {}
    disconnect() {}
});
// Tabs of one browser share it; tests are no tabs of one another.
vi.stubGlobal('BroadcastChannel', undefined);
Element.prototype.scrollIntoView = () => undefined;
URL.createObjectURL = () => 'blob:fake';
URL.revokeObjectURL = () => undefined;

beforeEach(() => {
    localStorage.clear();
    sessionStorage.clear();
});

afterEach(() => cleanup());

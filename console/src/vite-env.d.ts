/// <reference types="vite/client" />

interface ImportMetaEnv {
    /** Whether the console runs against a server that lives in the tab. */
    readonly FAKE: boolean;
}

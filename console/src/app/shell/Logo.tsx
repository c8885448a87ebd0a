/** Four sockets of a switchboard and the cord that joins two of them. */
export function Logo({ size = 26 }: { size?: number }) {
    return (
        <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
            <rect width="32" height="32" rx="7" fill="#0f766e" />
            <circle cx="10" cy="10" r="3" fill="#fff" />
            <circle cx="22" cy="10" r="3" fill="#fff" opacity=".45" />
            <circle cx="10" cy="22" r="3" fill="#fff" opacity=".45" />
            <circle cx="22" cy="22" r="3" fill="#fff" />
            <path d="M10 10c0 9 12 3 12 12" fill="none" stroke="#fbbf24" strokeWidth="2.6" strokeLinecap="round" />
        </svg>
    );
}

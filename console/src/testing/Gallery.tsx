import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import type { ComponentType } from 'react';
import { Page, Section } from '@/ui/page';

const modules = import.meta.glob<Record<string, ComponentType>>('/src/**/*.stories.tsx', { eager: true });

/** Every story, for people who change components (`npm run dev:fake`, then /stories). */
export function GalleryPage() {
    return (
        <Page>
            {Object.entries(modules).map(([path, stories]) => (
                <Box key={path} sx={{ mb: 4 }}>
                    <Typography variant="h1">{path.replace('/src/', '').replace('.stories.tsx', '')}</Typography>
                    {Object.entries(stories).map(([name, Story]) => (
                        <Section key={name} title={name}>
                            <Story />
                        </Section>
                    ))}
                </Box>
            ))}
        </Page>
    );
}

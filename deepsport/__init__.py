"""The shared ground: records, time, catalog, media, sports and the episode. Imports none of the stages."""

-- Which functions these are: VERSION of base.lua.
-- Registers lib_version.

register('lib_version', function() return VERSION end, {'no-writes'})

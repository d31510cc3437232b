# Included by services/CMakeLists.txt, and run by the build (cmake -P): the pages of web/ and Debian's Leaflet, plain
# and compressed, as one C file that the notifier's core is linked with. No page is read from a disk at run time.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(WEB ${CMAKE_CURRENT_LIST_DIR}/web)
  set(LEAFLET /usr/share/javascript/leaflet CACHE PATH "where Debian's libjs-leaflet put leaflet.min.js")
  file(GLOB WEB_FILES CONFIGURE_DEPENDS ${WEB}/*)
  if(EXISTS ${LEAFLET}/leaflet.min.js)
    list(APPEND WEB_FILES ${LEAFLET}/leaflet.min.js ${LEAFLET}/leaflet.css)
  else()
    message(WARNING "libjs-leaflet is not installed: the pages will have no maps")
  endif()
  set(WEB_OUT ${CMAKE_CURRENT_BINARY_DIR}/web)
  string(REPLACE ";" "," WEB_LIST "${WEB_FILES}")
  add_custom_command(OUTPUT ${WEB_OUT}/web_files.c
    COMMAND ${CMAKE_COMMAND} -DFILES=${WEB_LIST} -DOUT=${WEB_OUT} -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${WEB_FILES} ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
  target_sources(notifier_core PRIVATE ${WEB_OUT}/web_files.c)
  target_link_libraries(notifier_core PRIVATE PkgConfig::QRENCODE PkgConfig::ZLIB)
  return()
endif()

set(TYPE_html "text/html; charset=utf-8")
set(TYPE_css "text/css; charset=utf-8")
set(TYPE_js "text/javascript; charset=utf-8")
set(TYPE_svg "image/svg+xml")
set(TYPE_png "image/png")
set(TYPE_json "application/json")
set(TYPE_webmanifest "application/manifest+json")

# embed NAME FILE: the bytes of FILE between the symbols NAME and NAME_end.
function(embed name file)
  string(APPEND CODE "__asm__(\".pushsection .rodata\\n.global ${name}, ${name}_end\\n${name}:\\n.incbin "
    "\\\"${file}\\\"\\n${name}_end:\\n.byte 0\\n.popsection\");\n"
    "extern const char ${name}[], ${name}_end[];\n")
  set(CODE "${CODE}" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" FILES "${FILES}")
list(SORT FILES COMPARE FILE_BASENAME)
file(MAKE_DIRECTORY ${OUT})
set(CODE "/* Made from services/notifier/web by web.cmake. */\n#include \"notifier/pages.h\"\n\n")
set(TABLE "")
set(I 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  get_filename_component(ending ${file} LAST_EXT)
  string(SUBSTRING "${ending}" 1 -1 ending)
  if(NOT DEFINED TYPE_${ending})
    message(FATAL_ERROR "${file}: no content type is known for .${ending}")
  endif()
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  set(packed ${OUT}/${name}.gz)
  execute_process(COMMAND gzip -9nc ${file} OUTPUT_FILE ${packed} COMMAND_ERROR_IS_FATAL ANY)
  embed(web_plain_${I} ${file})
  embed(web_gzip_${I} ${packed})
  string(APPEND TABLE "    {\"${name}\", \"${TYPE_${ending}}\", \"${hash}\", web_plain_${I}, web_plain_${I}_end, "
    "web_gzip_${I}, web_gzip_${I}_end},\n")
  math(EXPR I "${I} + 1")
endforeach()
file(WRITE ${OUT}/web_files.c.new "${CODE}\nconst struct web_file web_files[] = {\n${TABLE}};\n"
  "const size_t web_files_n = ${I};\n")
file(RENAME ${OUT}/web_files.c.new ${OUT}/web_files.c)

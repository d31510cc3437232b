# Included by common/CMakeLists.txt, and run by the build (cmake -P): the parts in functions/ as the one text that Redis
# loads, redis/lifecircle.lua in the build tree. Whoever links lc_functions knows its path as LC_REDIS_LIBRARY.
#
# The order is the dependencies: a part knows the locals of all before it, and nothing of what follows. What stands between
# `do` and `end` is a block, and nothing behind it knows its locals: Lua has room for 200 at a time.
set(FUNCTIONS
  base
  working_set
  protobuf
  do placing_orders placing_records placing_stock placing_outcomes end
  steps
  archive
  do addresses end
  do personal end
  do plans lease rulings end
  do speeds end
  do stock end
  do due end
  do catalogue people end
  do webhooks end
  version)
set(PARTS ${FUNCTIONS})
list(REMOVE_ITEM PARTS do end)
list(TRANSFORM PARTS REPLACE "(.+)" "${CMAKE_CURRENT_LIST_DIR}/functions/\\1.lua")

if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB THERE CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/functions/*.lua)
  list(REMOVE_ITEM THERE ${PARTS})
  if(THERE)
    message(FATAL_ERROR "common/redis/functions.cmake does not name ${THERE}")
  endif()
  set(REDIS_LIBRARY ${CMAKE_CURRENT_BINARY_DIR}/redis/lifecircle.lua)
  add_custom_command(OUTPUT ${REDIS_LIBRARY}
    COMMAND ${CMAKE_COMMAND} -DOUT=${REDIS_LIBRARY} -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${PARTS} ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
  add_custom_target(lc_functions_text DEPENDS ${REDIS_LIBRARY})
  add_library(lc_functions INTERFACE)
  add_dependencies(lc_functions lc_functions_text)
  target_compile_definitions(lc_functions INTERFACE LC_REDIS_LIBRARY="${REDIS_LIBRARY}")
  return()
endif()

# Above each part a line that says where it is from: an error's line number, less that line's, is the line in the part.
set(TEXT "#!lua name=lifecircle\n")
foreach(part ${FUNCTIONS})
  if(part STREQUAL "do" OR part STREQUAL "end")
    string(APPEND TEXT "${part}\n\n")
  else()
    file(READ ${CMAKE_CURRENT_LIST_DIR}/functions/${part}.lua code)
    string(APPEND TEXT "-- common/redis/functions/${part}.lua\n${code}\n")
  endif()
endforeach()
file(WRITE ${OUT}.new "${TEXT}")
file(RENAME ${OUT}.new ${OUT})
